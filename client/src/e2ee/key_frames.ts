/** When a receiver should ask for a key frame (R9): the decoder cannot know of frames the transform dropped. */
import type { DropReason } from './messages.ts';

export const ASK_AFTER_MS = 500;
// Lower: asks for what is already on its way after a switch. Higher: a frozen picture for longer.
export const ASK_EVERY_MS = 1000;

/** One per video receiver. */
export class KeyFrameWatch {
  #needed = true;
  #atOnce = false;
  #deltasSinceMs: number | null = null;
  #askedMs = Number.NEGATIVE_INFINITY;

  /** A new sender: nothing decodes before its key frame. */
  restarted(): void {
    this.#needed = true;
    this.#deltasSinceMs = null;
  }

  dropped(reason: DropReason): void {
    if (reason === 'dup' || reason === 'old' || reason === 'empty') return;
    this.#needed = true;
    if (reason === 'unknown_key') this.#atOnce = true; // the key comes late: what it missed is lost
  }

  /** True: ask now. */
  opened(isKey: boolean, nowMs: number): boolean {
    if (isKey) {
      this.#needed = false;
      this.#atOnce = false;
      this.#deltasSinceMs = null;
      return false;
    }
    if (!this.#needed) return false;
    this.#deltasSinceMs ??= nowMs;
    if (!this.#atOnce && nowMs - this.#deltasSinceMs < ASK_AFTER_MS) return false;
    if (nowMs - this.#askedMs < ASK_EVERY_MS) return false;
    this.#askedMs = nowMs;
    return true;
  }
}
