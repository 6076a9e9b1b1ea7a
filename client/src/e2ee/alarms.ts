/**
 * When frames that no honest server delivers become an alarm: after more than a second of them on one seat.
 *
 * Only frames that were dropped count (after their hold), so a switch that races its announcement is silent.
 */
import type { AlarmKind, AlarmRaised, DropReason, MediaKind } from './messages.ts';

export const ALARM_AFTER_MS = 1000;
const QUIET_MS = 1000; // without such a frame for this long, the streak is over
const CLEAR_AFTER_MS = 3000; // and the alarm, a little later, so that it does not flicker

/** Null: normal, or already told by other means; E2EE.md 5.6. */
export function alarmOf(reason: DropReason): AlarmKind | null {
  switch (reason) {
    case 'sender_mismatch':
    case 'ctx_mismatch':
      return reason;
    case 'auth':
    case 'short':
    case 'malformed':
    case 'unknown_epoch': // one epoch only, until group keys
      return 'unsealed';
    case 'empty':
    case 'unknown_codec':
    case 'bad_frame':
    case 'no_key':
    case 'exhausted':
    case 'unknown_key':
    case 'dup':
    case 'old':
    case 'overflow':
      return null;
    default:
      return reason satisfies never;
  }
}

interface Streak {
  leaf: number | null;
  frames: number;
  firstMs: number;
  lastMs: number;
  raised: boolean;
  /** Frames at the last report. */
  reported: number;
}

/** One per seat and kind of media. */
export class AlarmWatch {
  readonly #streaks = new Map<AlarmKind, Streak>();

  constructor(readonly seat: number, readonly media: MediaKind) {}

  /** The alarm to raise now, if this frame makes it one. */
  failed(kind: AlarmKind, leaf: number | null, arrivedMs: number, nowMs: number): AlarmRaised | null {
    let streak = this.#streaks.get(kind);
    if (streak === undefined || (!streak.raised && arrivedMs - streak.lastMs > QUIET_MS)) {
      streak = { leaf, frames: 0, firstMs: arrivedMs, lastMs: arrivedMs, raised: false, reported: 0 };
      this.#streaks.set(kind, streak);
    }
    streak.leaf = leaf;
    streak.frames++;
    streak.lastMs = arrivedMs;
    if (streak.raised || arrivedMs - streak.firstMs <= ALARM_AFTER_MS) return null;
    streak.raised = true;
    return this.#report(kind, streak, nowMs);
  }

  /** Call about once a second: raised alarms that grew, and whether the last one is over. */
  tick(nowMs: number): { readonly grown: readonly AlarmRaised[]; readonly cleared: boolean } {
    const before = this.#isRaised();
    const grown: AlarmRaised[] = [];
    for (const [kind, streak] of this.#streaks) {
      if (nowMs - streak.lastMs > CLEAR_AFTER_MS) this.#streaks.delete(kind);
      else if (streak.raised && streak.frames > streak.reported) grown.push(this.#report(kind, streak, nowMs));
    }
    return { grown, cleared: before && !this.#isRaised() };
  }

  #isRaised(): boolean {
    return [...this.#streaks.values()].some((streak) => streak.raised);
  }

  #report(kind: AlarmKind, streak: Streak, nowMs: number): AlarmRaised {
    streak.reported = streak.frames;
    const { leaf, frames, firstMs } = streak;
    return { kind, seat: this.seat, media: this.media, leaf, frames, sinceMs: Math.round(nowMs - firstMs) };
  }
}
