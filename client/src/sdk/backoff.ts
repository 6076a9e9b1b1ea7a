/** How long to wait before try number n: 0.5 s doubling to 8 s, each shortened by up to a half at random. */
const FIRST_MS = 500;
const MOST_MS = 8000; // higher: people wait at a server that is back; lower: a thousand pages storm it

export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const whole = Math.min(MOST_MS, FIRST_MS * 2 ** Math.max(0, attempt - 1));
  return whole * (0.5 + random() / 2);
}

/** A wait that can be cut short. */
export class Pause {
  #wake: (() => void) | null = null;

  /** Resolves after `ms`, or at once when `end` is called meanwhile. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.end(), ms);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
    });
  }

  end(): void {
    this.#wake?.();
  }
}
