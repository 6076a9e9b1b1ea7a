/**
 * The order of people over pages. Sans-IO: time is handed in, in milliseconds.
 *
 * Stable by arrival; a speaker never moves a tile that is on the first page. The last who spoke for 2 s
 * from a later page takes the last place of the first.
 */
const SPEAK_MS = 2000;

export interface Seated {
  readonly pid: string;
  readonly speaking: boolean;
}

export class PageOrder {
  private guest: string | null = null;
  private readonly since = new Map<string, number>();

  /** Pids in the order to show, given people by arrival. */
  update(people: readonly Seated[], capacity: number, nowMs: number): string[] {
    if (!people.some((one) => one.pid === this.guest)) this.guest = null;
    this.listen(people, nowMs);
    const firstPage = new Set(withGuest(people, this.guest, capacity).slice(0, capacity));
    for (const [pid, since] of this.since) {
      if (!firstPage.has(pid) && nowMs - since >= SPEAK_MS) this.guest = pid;
    }
    return withGuest(people, this.guest, capacity);
  }

  private listen(people: readonly Seated[], nowMs: number): void {
    const speaking = new Set(people.filter((one) => one.speaking).map((one) => one.pid));
    for (const pid of this.since.keys()) if (!speaking.has(pid)) this.since.delete(pid);
    for (const pid of speaking) if (!this.since.has(pid)) this.since.set(pid, nowMs);
  }
}

function withGuest(people: readonly Seated[], guest: string | null, capacity: number): string[] {
  const pids = people.map((one) => one.pid);
  const at = guest === null ? -1 : pids.indexOf(guest);
  if (guest === null || at < capacity) return pids;
  pids.splice(at, 1);
  pids.splice(capacity - 1, 0, guest);
  return pids;
}
