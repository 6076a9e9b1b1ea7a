/** Two members and a seat, as most tests of the worker want them. */
import { expect } from 'vitest';
import type { EncodedFrame } from '../../src/e2ee/frames.ts';
import { copy, member, Rig, type Wire } from './rig.ts';

export const ALICE = member(3);
export const BOB = member(5);
export const CAROL = member(9);

export interface Pair {
  readonly alice: Rig;
  readonly bob: Rig;
  /** Bob's video seat 0. */
  readonly seat: Wire;
}

/** Alice sends, Bob has her in seat 0, camera and microphone. */
export async function pair(): Promise<Pair> {
  const alice = await Rig.start();
  const bob = await Rig.start({ self: BOB });
  expect(await bob.knows(ALICE, await alice.joined(ALICE))).toBe(true);
  await bob.expect(0, 'video', { pid: ALICE.pid, ctx: 1 });
  await bob.expect(0, 'audio', { pid: ALICE.pid, ctx: 0 });
  return { alice, bob, seat: bob.receiver(0, 'video') };
}

export const bytesOf = (one: EncodedFrame): Uint8Array => new Uint8Array(one.data);

export function changed(one: EncodedFrame, at: number): EncodedFrame {
  const other = copy(one);
  const raw = new Uint8Array(other.data);
  raw[at] = (raw[at] ?? 0) ^ 1;
  return other;
}
