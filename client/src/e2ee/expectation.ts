/** Whether a sender is the one announced for a seat (DESIGN.md section 5, E2EE.md 5.5). */
import { CONTEXTS, type Expected } from './messages.ts';

export const SWITCH_GRACE_MS = 500;
// An SFU that makes before it breaks sends the old sender until the new one's key frame. The tile keeps the old
// name until then (it follows the KID), so showing the old sender this long after the announcement is honest.

export type Judgement = 'match' | 'sender_mismatch' | 'ctx_mismatch';

export class SeatExpectation {
  #current: Expected = null;
  #previous: Expected = null;
  #previousUntilMs = 0;

  /** The same again changes nothing: it does not cut short the grace of the one before. */
  set(who: Expected, nowMs: number): void {
    if (isSame(who, this.#current)) return;
    this.#previous = who === null ? null : this.#current;
    this.#previousUntilMs = nowMs + SWITCH_GRACE_MS;
    this.#current = who;
  }

  judge(pid: string, ctx: number, nowMs: number): Judgement {
    if (matches(this.#current, pid, ctx)) return 'match';
    if (nowMs < this.#previousUntilMs && matches(this.#previous, pid, ctx)) return 'match';
    if (this.#current === 'any_microphone') return 'ctx_mismatch';
    return this.#current?.pid === pid ? 'ctx_mismatch' : 'sender_mismatch';
  }
}

function matches(expected: Expected, pid: string, ctx: number): boolean {
  if (expected === null) return false;
  if (expected === 'any_microphone') return ctx === CONTEXTS.microphone;
  return expected.pid === pid && expected.ctx === ctx;
}

function isSame(one: Expected, other: Expected): boolean {
  if (one === null || other === null || typeof one === 'string' || typeof other === 'string') return one === other;
  return one.pid === other.pid && one.ctx === other.ctx;
}
