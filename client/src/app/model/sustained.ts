/** Tells which of many conditions have lasted: a flicker is not worth a word. Sans-IO, milliseconds. */
export class Sustained {
  private readonly since = new Map<string, number>();

  constructor(private readonly lastsMs: number) {}

  /** Keys that have held without a break for the given time, `holding` being those that hold now. */
  update(holding: Iterable<string>, nowMs: number): ReadonlySet<string> {
    const now = new Set(holding);
    for (const key of this.since.keys()) if (!now.has(key)) this.since.delete(key);
    for (const key of now) if (!this.since.has(key)) this.since.set(key, nowMs);
    return new Set([...now].filter((key) => nowMs - (this.since.get(key) ?? nowMs) >= this.lastsMs));
  }
}
