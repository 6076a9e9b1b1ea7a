/**
 * Who has the floor in speaker view. Sans-IO: time is handed in, in milliseconds.
 *
 * Whoever has spoken for 1.5 s gets it and keeps it for at least 3 s and while they go on speaking, so
 * that a cough or a short word moves nothing. Oneself never has it while others are there.
 */
export interface Voice {
  readonly pid: string;
  readonly isSelf: boolean;
  readonly speaking: boolean;
}

const SPEAK_MS = 1500; // lower: the large picture jumps at every "yes"; higher: it lags behind the talk
const HOLD_MS = 3000;

export class Floor {
  private readonly since = new Map<string, number>();
  private holder: string | null = null;
  private heldSince = 0;

  /** The one to show large now; null while nobody else is there. */
  update(voices: readonly Voice[], nowMs: number): string | null {
    const others = voices.filter((voice) => !voice.isSelf);
    this.listen(others, nowMs);
    const current = others.find((voice) => voice.pid === this.holder);
    if (current === undefined) return this.give(this.longest(others, nowMs) ?? others[0]?.pid ?? null, nowMs);
    if (current.speaking || nowMs - this.heldSince < HOLD_MS) return this.holder;
    const next = this.longest(others, nowMs);
    return next === null ? this.holder : this.give(next, nowMs);
  }

  private listen(others: readonly Voice[], nowMs: number): void {
    const here = new Set(others.filter((voice) => voice.speaking).map((voice) => voice.pid));
    for (const pid of this.since.keys()) if (!here.has(pid)) this.since.delete(pid);
    for (const pid of here) if (!this.since.has(pid)) this.since.set(pid, nowMs);
  }

  private longest(others: readonly Voice[], nowMs: number): string | null {
    let found: string | null = null;
    let earliest = nowMs - SPEAK_MS;
    for (const { pid } of others) {
      const since = this.since.get(pid);
      if (since === undefined || since > earliest) continue;
      found = pid;
      earliest = since - 1; // the first of two that began together wins
    }
    return found;
  }

  private give(pid: string | null, nowMs: number): string | null {
    this.holder = pid;
    this.heldSince = nowMs;
    return pid;
  }
}
