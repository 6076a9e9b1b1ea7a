import { describe, expect, it } from 'vitest';
import { ALICE, BOB, bytesOf, pair } from './pair.ts';
import { frame, opus, OPUS, Rig, sealed, vp8, VP8, VP9 } from './rig.ts';

describe('sealing', () => {
  it('R4: tells the first sealed frame once per transform, and none before the key', async () => {
    const rig = await Rig.start();
    const camera = rig.sender(1, 'video');
    await camera.put(vp8(true, 1), vp8(false, 2));
    expect(camera.out).toHaveLength(0);
    expect(rig.ofKind('firstSealed')).toHaveLength(0);
    await rig.joined(ALICE);
    await camera.put(vp8(false, 3), vp8(false, 4));
    expect(camera.out).toHaveLength(2);
    expect(rig.ofKind('firstSealed')).toHaveLength(1);
    expect(await rig.drops(camera)).toEqual({ no_key: 2 });
  });

  it('asks for a key frame when the first ones were dropped for want of a key', async () => {
    const rig = await Rig.start();
    const [chromium, firefox, microphone] = [rig.sender(1, 'video'), rig.sender(2, 'video', { generate: true }), rig.sender(0, 'audio')];
    for (const wire of [chromium, firefox]) await wire.put(vp8(true, 1));
    await microphone.put(opus(1));
    await rig.joined(ALICE);
    expect(rig.ofKind('keyFrameNeeded')).toHaveLength(1);
    expect(firefox.generated).toBe(1);
  });

  it('R8: at most one key frame a second is asked of an encoder', async () => {
    const rig = await Rig.start({ self: ALICE });
    const camera = rig.sender(1, 'video', { generate: true });
    for (let i = 0; i < 5; i++) rig.core.receive({ kind: 'keyFrame', ctx: 1 });
    expect(camera.generated).toBe(1);
    await rig.clock.advance(1000);
    rig.core.receive({ kind: 'keyFrame', ctx: 1 });
    expect(camera.generated).toBe(2);
  });

  it('R5: an unknown codec, a broken frame and an empty one never leave', async () => {
    const rig = await Rig.start({ self: ALICE });
    const camera = rig.sender(1, 'video');
    const raw = new Uint8Array(30).fill(7);
    await camera.put(frame(raw, { mimeType: 'video/H264' }, 'key'), frame(raw, {}, 'key'), frame(raw.subarray(0, 0), VP8, 'delta'));
    await camera.put(frame(Uint8Array.of(0x70, 1), VP8, 'key'));
    expect(camera.out).toHaveLength(0);
    expect(await rig.drops(camera)).toEqual({ unknown_codec: 2, empty: 1, bad_frame: 1 });
  });

  it('hides the whole frame: no 8-byte piece of it is on the wire', async () => {
    const rig = await Rig.start({ self: ALICE });
    const raw = Uint8Array.from({ length: 400 }, (_, at) => (at * 7 + 1) & 255);
    for (const metadata of [OPUS, VP8, VP9, { mimeType: 'video/AV1' }]) {
      const [wire] = await sealed(rig, 1, 'video', [frame(raw, metadata, 'delta')]);
      const text = Buffer.from(wire === undefined ? raw : bytesOf(wire)).toString('hex');
      for (let at = 0; at + 8 <= raw.length; at++) expect(text.includes(Buffer.from(raw.subarray(at, at + 8)).toString('hex'))).toBe(false);
    }
  });

  it('T25: transforms made again, two at once, and a second join as the same member share one counter', async () => {
    const rig = await Rig.start({ self: ALICE });
    const first = await sealed(rig, 1, 'video', [vp8(false, 1), vp8(false, 2)]);
    const [a, b] = [rig.sender(1, 'video'), rig.sender(1, 'video')];
    await Promise.all([a.put(vp8(false, 3), vp8(false, 4)), b.put(vp8(false, 5))]);
    await rig.joined(ALICE);
    const last = await sealed(rig, 1, 'video', [vp8(false, 6)]);
    const ctrs = [...first, ...a.out, ...b.out, ...last].map((one) => (bytesOf(one)[1] ?? 0) & 15);
    expect(ctrs.sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('T25: another leaf or pid, or a new worker, draws a new key', async () => {
    const rig = await Rig.start();
    const starts = [await rig.joined(ALICE), await rig.joined(BOB), await rig.joined(ALICE), await (await Rig.start()).joined(ALICE)];
    expect(new Set(starts).size).toBe(4);
    expect(await rig.joined(ALICE)).not.toBe(starts[0]);
  });

  it('T25: the log of (key, nonce) has no pair twice, over streams, joins and workers', async () => {
    const hashes: string[] = [];
    for (const rig of [await Rig.start({ self: ALICE }), await Rig.start({ self: ALICE })]) {
      for (const self of [ALICE, BOB, ALICE]) {
        await rig.joined(self);
        for (const ctx of [0, 1, 2, 3]) await sealed(rig, ctx, ctx % 3 === 0 ? 'audio' : 'video', [vp8(false, 1), vp8(false, 1)]);
      }
      hashes.push(...rig.ofKind('testKeyUse').map(({ hash }) => hash));
    }
    expect(hashes).toHaveLength(2 * 3 * 4 * 2);
    expect(new Set(hashes).size).toBe(hashes.length);
  });
});

describe('reports', () => {
  it('come at most once a second, only with what changed, and end with the stream', async () => {
    const { alice, bob, seat } = await pair();
    const other = bob.receiver(1, 'video');
    await seat.put(...(await sealed(alice, 1, 'video', [vp8(true, 1)])));
    await bob.clock.advance(1000);
    const before = bob.ofKind('counts').length;
    await bob.clock.advance(10_000);
    expect(bob.ofKind('counts').length).toBe(before);
    for (let i = 0; i < 50; i++) {
      await seat.put(frame(new Uint8Array(2), VP8, 'delta'));
      await bob.clock.advance(20);
    }
    expect(bob.ofKind('counts').length).toBeLessThanOrEqual(before + 2);
    expect(bob.ofKind('counts').at(-1)?.counts.transforms).toHaveLength(1);
    await seat.end();
    await other.end();
    expect(bob.ofKind('failed')).toEqual([]);
  });
});
