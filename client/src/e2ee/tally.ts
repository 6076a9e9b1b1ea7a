/** Frame counts of one transform. Nothing in the worker logs: what went wrong leaves as a count. */
import { DROP_REASONS, type DropReason, type MediaKind, type TransformCounts, type TransformOptions } from './messages.ts';

export class Tally {
  framesIn = 0;
  framesOut = 0;
  aeadCalls = 0;
  readonly drops: Record<DropReason, number> = Object.fromEntries(
    DROP_REASONS.map((reason) => [reason, 0]),
  ) as Record<DropReason, number>; // fromEntries forgets its keys; DROP_REASONS is the whole set
  readonly #options: TransformOptions;
  #reported = '';

  constructor(options: TransformOptions) {
    this.#options = options;
  }

  get media(): MediaKind {
    return this.#options.media;
  }

  /** Null when nothing changed since the last call. */
  report(): TransformCounts | null {
    const counts = this.counts();
    const text = JSON.stringify(counts);
    if (text === this.#reported) return null;
    this.#reported = text;
    return counts;
  }

  counts(): TransformCounts {
    return {
      transform: this.#options.id,
      direction: this.#options.direction,
      seat: this.#options.direction === 'open' ? this.#options.seat : null,
      media: this.#options.media,
      framesIn: this.framesIn,
      framesOut: this.framesOut,
      aeadCalls: this.aeadCalls,
      drops: { ...this.drops },
    };
  }
}
