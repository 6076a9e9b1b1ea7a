/** Which counters of one KID were seen (E2EE.md 5.6): highest `h` and a bitmap of the 1024 below it. */

export const WINDOW_OBJECTS = 1024;
// Higher: tolerates longer delays, costs a bit per object. At 90 objects a second (three layers) 1024 is 11 s,
// far beyond any jitter buffer.

export type Freshness = 'ok' | 'dup' | 'old';

export class ReplayWindow {
  #highest = -1;
  readonly #seen = new Uint8Array(WINDOW_OBJECTS);

  /** Look only. Call before the AEAD, so that replays cost nothing. */
  check(ctr: number): Freshness {
    if (ctr > this.#highest) return 'ok';
    if (this.#highest - ctr >= WINDOW_OBJECTS) return 'old';
    return this.#seen[ctr % WINDOW_OBJECTS] === 1 ? 'dup' : 'ok';
  }

  /** Mark as seen. Call only after the object opened; anything but `ok` means another copy was faster. */
  accept(ctr: number): Freshness {
    const verdict = this.check(ctr);
    if (verdict !== 'ok') return verdict;
    if (ctr > this.#highest) this.#slideTo(ctr);
    this.#seen[ctr % WINDOW_OBJECTS] = 1;
    return 'ok';
  }

  #slideTo(ctr: number): void {
    if (ctr - this.#highest >= WINDOW_OBJECTS) {
      this.#seen.fill(0);
    } else {
      for (let skipped = this.#highest + 1; skipped < ctr; skipped++) this.#seen[skipped % WINDOW_OBJECTS] = 0;
    }
    this.#highest = ctr;
  }
}
