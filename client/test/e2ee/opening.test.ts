import { describe, expect, it } from 'vitest';
import type { EncodedFrame } from '../../src/e2ee/frames.ts';
import { ALICE, BOB, bytesOf, CAROL, changed, pair } from './pair.ts';
import { copy, frame, opus, OPUS, Rig, sealed, vp8, VP8, VP9 } from './rig.ts';

describe('opening', () => {
  it('gives back every frame unchanged and in order, and names the sender once', async () => {
    const { alice, bob, seat } = await pair();
    const frames = [vp8(true, 1), vp8(false, 2), vp8(false, 3)];
    const plain = frames.map((one) => bytesOf(copy(one)));
    await seat.put(...(await sealed(alice, 1, 'video', frames)));
    expect(seat.take()).toEqual(plain);
    expect(bob.ofKind('senderChanged')).toEqual([
      { kind: 'senderChanged', sender: { seat: 0, kind: 'video', leaf: 3, ctx: 1, pid: ALICE.pid } },
    ]);
  });

  it('T1: a flip of any bit of header, ciphertext or tag is dropped and named', async () => {
    const { alice, bob, seat } = await pair();
    const [one] = await sealed(alice, 1, 'video', [vp8(false, 1)]);
    if (one === undefined) throw new Error('not sealed');
    const shimBytes = 1;
    let tried = 0;
    for (let at = shimBytes; at < one.data.byteLength; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const other = copy(one);
        const raw = new Uint8Array(other.data);
        raw[at] = (raw[at] ?? 0) ^ (1 << bit);
        await seat.put(other);
        tried++;
      }
    }
    await bob.clock.advance(600);
    expect(seat.out).toHaveLength(0);
    const drops = await bob.drops(seat);
    expect(Object.values(drops).reduce((sum, count) => sum + count, 0)).toBe(tried);
    expect(drops.auth).toBeGreaterThan(tried / 2);
    expect(Object.keys(drops).sort()).toEqual(['auth', 'ctx_mismatch', 'malformed', 'short', 'unknown_epoch', 'unknown_key'].filter((r) => r in drops));
    await seat.put(one);
    expect(seat.out).toHaveLength(1);
  });

  it('T2: a changed shim gives the same frame or none', async () => {
    const { alice, seat } = await pair();
    const metadata = { mimeType: 'video/AV1' };
    const plain = [vp8(true, 1), frame(new Uint8Array(200).fill(9), metadata, 'key')];
    for (const [at, one] of plain.entries()) {
      const expected = bytesOf(copy(one));
      const [wire] = await sealed(alice, 1, 'video', [one]);
      if (wire === undefined) throw new Error('not sealed');
      for (let byte = 0; byte < (at === 0 ? 10 : 6); byte++) for (let bit = 0; bit < 8; bit++) {
        const other = copy(wire);
        const raw = new Uint8Array(other.data);
        raw[byte] = (raw[byte] ?? 0) ^ (1 << bit);
        await seat.put(other);
      }
      for (const out of seat.take()) expect(out).toEqual(expected);
    }
  });

  it('T3: a frame twice is a duplicate, one far behind is old, and neither is an alarm', async () => {
    const { alice, bob, seat } = await pair();
    const frames = await sealed(alice, 1, 'video', Array.from({ length: 1030 }, (_, at) => vp8(false, at & 255)));
    const [first] = frames;
    if (first === undefined) throw new Error('not sealed');
    const again = [copy(first), copy(first)];
    await seat.put(copy(first), ...again);
    await seat.put(...frames.slice(1020), copy(first));
    expect(await bob.drops(seat)).toEqual({ dup: 2, old: 1 });
    for (let i = 0; i < 20; i++) {
      await seat.put(copy(first));
      await bob.clock.advance(200);
    }
    expect(bob.ofKind('alarm')).toEqual([]);
  });

  it.each([0, 4, 8, 10, 12, 15])('T4: a tag of %d bytes is refused', async (size) => {
    const { alice, bob, seat } = await pair();
    const [one] = await sealed(alice, 1, 'video', [vp8(false, 1)]);
    if (one === undefined) throw new Error('not sealed');
    one.data = one.data.slice(0, one.data.byteLength - 16 + size);
    await seat.put(one);
    expect(await bob.drops(seat)).toEqual({ auth: 1 });
    expect(seat.out).toHaveLength(0);
  });

  it('T5: nothing unsealed comes through: plaintext, silence, zeros, foreign trailers, emptiness', async () => {
    const { bob, seat } = await pair();
    const voice = bob.receiver(0, 'audio');
    const trailer = Uint8Array.from([...new Uint8Array(60).fill(1), ...new Uint8Array(12).fill(2), 12, 0]);
    await seat.put(vp8(true, 1), vp8(false, 2), frame(new Uint8Array(50), VP9, 'delta'), frame(trailer, VP9, 'key'), frame(trailer, VP8, 'delta'));
    await voice.put(frame(Uint8Array.of(0xf8, 0xff, 0xfe), OPUS), frame(new Uint8Array(0), OPUS), opus(0x78, 80), frame(new Uint8Array(30), OPUS));
    await bob.clock.advance(600);
    expect([...seat.out, ...voice.out]).toEqual([]);
    expect((await bob.counts(seat)).framesIn).toBe(5);
    expect(await bob.drops(voice)).toMatchObject({ empty: 1, short: 1 });
  });

  it('T6: another ctx, a leaf nobody has, an epoch nobody has', async () => {
    const { alice, bob, seat } = await pair();
    const screen = await sealed(alice, 2, 'video', [vp8(true, 1)]);
    const [camera] = await sealed(alice, 1, 'video', [vp8(true, 2)]);
    if (camera === undefined) throw new Error('not sealed');
    const kidLow = 10 + 2; // shim, config byte, high byte of the KID
    await seat.put(...screen, changed(camera, kidLow)); // epoch bit 0
    const leaf = copy(camera);
    const raw = new Uint8Array(leaf.data);
    raw[kidLow] = (raw[kidLow] ?? 0) ^ 0x40;
    await seat.put(leaf);
    await bob.clock.advance(500);
    expect(await bob.drops(seat)).toEqual({ ctx_mismatch: 1, unknown_epoch: 1, unknown_key: 1 });
  });

  it('T7: one AEAD call for each well-formed frame, none for any other', async () => {
    const { alice, bob, seat } = await pair();
    const frames = await sealed(alice, 1, 'video', [vp8(true, 1), vp8(false, 2), vp8(false, 3)]);
    const [one] = frames;
    if (one === undefined) throw new Error('not sealed');
    const last = one.data.byteLength - 1;
    const forged = Array.from({ length: 50 }, () => changed(one, last));
    const dead = [...(await sealed(alice, 2, 'video', [vp8(true, 1)])), frame(new Uint8Array(3), VP8, 'delta')];
    await seat.put(...forged, ...frames, ...frames.map(copy), ...dead);
    await bob.clock.advance(600);
    const counts = await bob.counts(seat);
    expect(counts.framesOut).toBe(3);
    expect(counts.drops.auth).toBe(50);
    expect(counts.aeadCalls).toBe(53);
  });

  it('T11: a VP8 object shown as VP9, and audio as video', async () => {
    const { alice, bob, seat } = await pair();
    const [one] = await sealed(alice, 1, 'video', [vp8(false, 1)]);
    if (one === undefined) throw new Error('not sealed');
    await seat.put(frame(bytesOf(one).subarray(1), VP9, 'delta'));
    const [voice] = await sealed(alice, 1, 'audio', [opus(4)]);
    if (voice === undefined) throw new Error('not sealed');
    await seat.put(frame(bytesOf(voice), VP9, 'delta'));
    expect(await bob.drops(seat)).toEqual({ auth: 2 });
  });

  it('T12, T32: keys of another room or of a link one bit away are refused; if forced, every frame fails', async () => {
    const { bob, seat } = await pair();
    const secret = Uint8Array.from({ length: 32 }, (_, at) => at + 1);
    secret[0] = 0;
    for (const mallory of [await Rig.start({ room: 'elsewhere' }), await Rig.start({ secret })]) {
      expect(await bob.knows(CAROL, await mallory.joined(CAROL))).toBe(false);
      await mallory.joined(ALICE); // as if she had taken over Alice's leaf
      await seat.put(...(await sealed(mallory, 1, 'video', [vp8(true, 1), vp8(false, 2)])));
    }
    expect(await bob.drops(seat)).toEqual({ auth: 4 });
    expect(bob.ofKind('counts').at(-1)?.counts.startsRefused).toBe(2);
  });

  it('T31: a jump of the counter is taken, then the window slides', async () => {
    const { alice, bob, seat } = await pair();
    const frames = await sealed(alice, 1, 'video', Array.from({ length: 2100 }, (_, at) => vp8(false, at & 255)));
    const pick = [0, 2050, 1000, 1100, 2050, 2099].map((at) => frames[at]).filter((one) => one !== undefined).map(copy);
    await seat.put(...pick);
    expect(await bob.drops(seat)).toEqual({ old: 1, dup: 1 });
    expect(seat.out).toHaveLength(4);
  });

  it('T26: no mutated frame does anything but open or be counted', async () => {
    const { alice, bob, seat } = await pair();
    const metadata = [VP8, VP9, { mimeType: 'video/AV1' }, OPUS];
    const seeds: EncodedFrame[] = [];
    for (const one of metadata) seeds.push(...(await sealed(alice, 1, 'video', [frame(new Uint8Array(60).fill(0x31), one, 'key')])));
    let random = 20261124; // seed of this run: every run is the same
    const next = (below: number): number => (random = (random * 1103515245 + 12345) % 2 ** 31) % below;
    for (let i = 0; i < 4000; i++) {
      const seed = seeds[next(seeds.length)];
      if (seed === undefined) throw new Error('no seed');
      const raw = bytesOf(copy(seed)).slice(0, next(4) === 0 ? next(seed.data.byteLength + 1) : seed.data.byteLength);
      for (let flips = next(4); flips >= 0; flips--) if (raw.length > 0) raw[next(raw.length)] = next(256);
      await seat.put(frame(raw, metadata[next(metadata.length)] ?? VP8, 'delta'));
    }
    await bob.clock.advance(600);
    const { framesIn, framesOut, drops } = await bob.counts(seat);
    const dropped = Object.values(drops).reduce((sum, count) => sum + count, 0);
    expect(framesIn).toBe(4000);
    expect(framesOut + dropped).toBe(4000);
    expect(bob.ofKind('failed')).toEqual([]);
  }, 60_000);
});

describe('holding', () => {
  it('a key that comes 400 ms late loses nothing; then a key frame is asked for only if frames were lost', async () => {
    const alice = await Rig.start();
    const bob = await Rig.start({ self: BOB });
    const start = await alice.joined(ALICE);
    const seat = bob.receiver(0, 'video');
    await bob.expect(0, 'video', { pid: ALICE.pid, ctx: 1 });
    await seat.put(...(await sealed(alice, 1, 'video', [vp8(true, 1), vp8(false, 2)])));
    await bob.clock.advance(400);
    expect(seat.out).toHaveLength(0);
    await bob.knows(ALICE, start);
    expect(seat.out).toHaveLength(2);
    expect(seat.keyFrameRequests).toBe(0);
  });

  it('R9: a key later than 500 ms: the frames are gone, and one PLI goes out with the first delta', async () => {
    const alice = await Rig.start();
    const bob = await Rig.start({ self: BOB });
    const start = await alice.joined(ALICE);
    const seat = bob.receiver(0, 'video');
    await bob.expect(0, 'video', { pid: ALICE.pid, ctx: 1 });
    await seat.put(...(await sealed(alice, 1, 'video', [vp8(true, 1)])));
    await bob.clock.advance(501);
    await bob.knows(ALICE, start);
    await seat.put(...(await sealed(alice, 1, 'video', [vp8(false, 2), vp8(false, 3)])));
    expect(seat.out).toHaveLength(2);
    expect(seat.keyFrameRequests).toBe(1);
    expect(await bob.drops(seat)).toEqual({ unknown_key: 1 });
  });

  it('R9: deltas only: asks after 500 ms, at most once a second, and stops with the key frame', async () => {
    const { alice, bob, seat } = await pair();
    for (let i = 0; i < 30; i++) {
      await seat.put(...(await sealed(alice, 1, 'video', [vp8(false, i)])));
      await bob.clock.advance(100);
    }
    expect(seat.keyFrameRequests).toBe(3); // at 0.5, 1.5 and 2.5 s
    await seat.put(...(await sealed(alice, 1, 'video', [vp8(true, 1)])));
    for (let i = 0; i < 30; i++) {
      await seat.put(...(await sealed(alice, 1, 'video', [vp8(false, i)])));
      await bob.clock.advance(100);
    }
    expect(seat.keyFrameRequests).toBe(3);
  });

  it('audio waits 60 ms and no longer', async () => {
    const { alice, bob } = await pair();
    const voice = bob.receiver(1, 'audio');
    const frames = await sealed(alice, 0, 'audio', [opus(1), opus(2)]);
    await voice.put(...frames.slice(0, 1));
    await bob.clock.advance(59);
    await voice.put(...frames.slice(1));
    expect((await voice.take())).toEqual([]);
    await bob.clock.advance(2);
    await bob.expect(1, 'audio', { pid: ALICE.pid, ctx: 0 });
    expect(voice.take()).toHaveLength(1);
    expect(await bob.drops(voice)).toEqual({ sender_mismatch: 1 });
  });

  it('never more than 64 frames', async () => {
    const alice = await Rig.start();
    const bob = await Rig.start({ self: BOB });
    const start = await alice.joined(ALICE);
    const seat = bob.receiver(0, 'video');
    await bob.expect(0, 'video', { pid: ALICE.pid, ctx: 1 });
    await seat.put(...(await sealed(alice, 1, 'video', Array.from({ length: 70 }, (_, at) => vp8(false, at)))));
    await bob.knows(ALICE, start);
    expect(seat.out).toHaveLength(64);
    expect((await bob.counts(seat)).drops.unknown_key).toBe(6);
  });

  it('a flood is cut, counted, and over when it is over', async () => {
    const { alice, bob, seat } = await pair();
    const [one] = await sealed(alice, 1, 'video', [vp8(false, 1)]);
    if (one === undefined) throw new Error('not sealed');
    const forged = changed(one, one.data.byteLength - 1);
    await seat.flood(Array.from({ length: 3000 }, () => copy(forged)));
    await seat.put(one);
    expect(seat.out).toHaveLength(1);
    const { drops, framesIn } = await bob.counts(seat);
    expect(drops.overflow).toBeGreaterThan(0);
    expect(drops.overflow + drops.auth).toBe(3000);
    expect(framesIn).toBe(3001);
  });

  it('a frame that can be opened does not wait behind one that cannot', async () => {
    const { alice, bob, seat } = await pair();
    await seat.put(...(await sealed(alice, 2, 'video', [vp8(true, 1)])));
    await seat.put(...(await sealed(alice, 1, 'video', [vp8(true, 2)])));
    expect(seat.out).toHaveLength(1);
    expect(await bob.drops(seat)).toEqual({ ctx_mismatch: 1 });
  });
});
