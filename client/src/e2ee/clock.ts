/** Time as the pipelines see it, so that tests can turn the hands. */
export interface Clock {
  /** Monotonic, milliseconds. */
  nowMs(): number;
  /** Run once, later. Returns a function that calls it off. */
  after(delayMs: number, then: () => void): () => void;
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  after: (delayMs, then) => {
    const timer = setTimeout(then, delayMs);
    return () => clearTimeout(timer);
  },
};
