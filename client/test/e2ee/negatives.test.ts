/** The 16 negative frames of the vectors through the real receiving pipeline; every leaf and epoch they name has a key. */
import { describe, expect, it } from 'vitest';
import { SeatExpectation } from '../../src/e2ee/expectation.ts';
import { KeyRing } from '../../src/e2ee/key_ring.ts';
import { OpenPipeline } from '../../src/e2ee/open_pipeline.ts';
import type { DropReason } from '../../src/e2ee/messages.ts';
import { BaseKey } from '../../src/e2ee/sframe/keys.ts';
import { Tally } from '../../src/e2ee/tally.ts';
import { frame, HandClock, settled } from './rig.ts';
import { bytes, draftVectors } from './vectors.ts';

const DRAFT = draftVectors();
const LIVE = [2, 3, 4, 14, 15];

const REASONS: Readonly<Record<string, readonly DropReason[]>> = {
  short: ['short', 'empty'],
  'malformed-header': ['malformed'],
  'unknown-epoch': ['unknown_epoch'],
  'unknown key': ['unknown_key', 'unknown_epoch'],
  auth: ['auth'],
};

class AnyoneAnything extends SeatExpectation {
  override judge(): 'match' {
    return 'match';
  }
}

async function ring(): Promise<KeyRing> {
  const made = new KeyRing(LIVE);
  for (const epoch of LIVE) {
    for (let leaf = 0; leaf < 8; leaf++) {
      const baseKey = await BaseKey.import(bytes(DRAFT.epoch.base_key));
      const pid = `${leaf}/${epoch}`;
      expect(made.install({ member: { pid, leaf }, epoch, baseKey, origin: pid })).toBe(true);
    }
  }
  return made;
}

async function outcome(mimeType: string, wire: Uint8Array): Promise<DropReason | 'opened'> {
  const clock = new HandClock();
  const tally = new Tally({ id: 1, media: 'video', direction: 'open', seat: 0 });
  const seen: (DropReason | 'opened')[] = [];
  const pipeline = new OpenPipeline({
    ring: await ring(), clock, expectation: new AnyoneAnything(), payloadTypes: new Map(), tally,
    write: () => void seen.push('opened'),
    opened: () => undefined,
    dropped: (reason) => void seen.push(reason),
    broken: (error) => {
      throw error;
    },
  });
  pipeline.push(frame(wire, { mimeType }, 'delta'));
  await settled();
  await clock.advance(500);
  expect(seen).toHaveLength(1);
  return seen[0] ?? 'opened';
}

describe('negative vectors', () => {
  it('are 16', () => expect(DRAFT.negative).toHaveLength(16));

  it.each(DRAFT.negative)('$name -> $expect', async ({ codec, wire, expect: expected }) => {
    const allowed = expected.split(' or ').flatMap((name) => REASONS[name] ?? []);
    expect(allowed).toContain(await outcome(codec, bytes(wire)));
  });

  it('and what they were made from opens, so the rig can tell the difference', async () => {
    for (const vector of DRAFT.frames) {
      if (vector.codec !== 'video/VP8') continue;
      expect(await outcome(vector.codec, bytes(vector.wire))).toBe('opened');
    }
  });
});
