import { describe, expect, it } from 'vitest';
import { ALICE, BOB, CAROL, changed, pair, type Pair } from './pair.ts';
import { copy, member, opus, Rig, sealed, vp8, type Member } from './rig.ts';

describe('who is in a seat', () => {
  async function three(): Promise<Pair & { carol: Rig }> {
    const all = await pair();
    const carol = await Rig.start();
    await all.bob.knows(CAROL, await carol.joined(CAROL));
    return { ...all, carol };
  }

  it('an honest switch loses nothing, whichever comes first', async () => {
    const { alice, carol, bob, seat } = await three();
    await seat.put(...(await sealed(alice, 1, 'video', [vp8(true, 1)])));
    await bob.expect(0, 'video', { pid: CAROL.pid, ctx: 1 });
    await bob.expect(0, 'video', { pid: CAROL.pid, ctx: 1 }); // said again, with another layer
    await seat.put(...(await sealed(alice, 1, 'video', [vp8(false, 2)]))); // make before break
    await seat.put(...(await sealed(carol, 1, 'video', [vp8(true, 3)])));
    expect(seat.out).toHaveLength(3);
    await seat.put(...(await sealed(alice, 1, 'video', [vp8(true, 4)]))); // back, ahead of its announcement
    await bob.clock.advance(300);
    await bob.expect(0, 'video', { pid: ALICE.pid, ctx: 1 });
    expect(seat.out).toHaveLength(4);
    expect(bob.ofKind('senderChanged').map(({ sender }) => sender.leaf)).toEqual([3, 9, 3]);
    await bob.clock.advance(5000);
    expect(await bob.drops(seat)).toEqual({});
    expect(bob.ofKind('alarm')).toEqual([]);
  });

  it('T9: a swap of two members shows no wrong face, and alarms after a second', async () => {
    const { carol, bob, seat } = await three();
    await bob.clock.advance(2000);
    for (let i = 0; i < 9; i++) {
      await seat.put(...(await sealed(carol, 1, 'video', [vp8(i === 0, i)])));
      await bob.clock.advance(100);
    }
    await bob.clock.advance(600);
    expect(bob.ofKind('alarm')).toEqual([]);
    for (let i = 0; i < 20; i++) {
      await seat.put(...(await sealed(carol, 1, 'video', [vp8(false, i)])));
      await bob.clock.advance(100);
    }
    expect(seat.out).toHaveLength(0);
    expect(bob.ofKind('senderChanged')).toEqual([]);
    const [first] = bob.ofKind('alarm');
    expect(first?.alarm).toMatchObject({ kind: 'sender_mismatch', seat: 0, media: 'video', leaf: 9 });
    expect(bob.ofKind('alarmCleared')).toEqual([]);
    await bob.clock.advance(10_000);
    expect(bob.ofKind('alarmCleared')).toEqual([{ kind: 'alarmCleared', seat: 0, media: 'video' }]);
    expect(bob.ofKind('alarm').length).toBeLessThan(5);
  });

  it('T10: camera and screen swapped is a mismatch of context', async () => {
    const { alice, bob, seat } = await three();
    for (let i = 0; i < 20; i++) {
      await seat.put(...(await sealed(alice, 2, 'video', [vp8(i === 0, i)])));
      await bob.clock.advance(100);
    }
    await bob.clock.advance(600);
    expect(seat.out).toHaveLength(0);
    expect(bob.ofKind('alarm')[0]?.alarm).toMatchObject({ kind: 'ctx_mismatch', leaf: 3 });
    expect(await bob.drops(seat)).toEqual({ ctx_mismatch: 20 });
  });

  it('forged frames for more than a second are an alarm without a name', async () => {
    const { alice, bob, seat } = await three();
    for (let i = 0; i < 15; i++) {
      const [one] = await sealed(alice, 1, 'video', [vp8(false, i)]);
      if (one === undefined) throw new Error('not sealed');
      await seat.put(changed(one, one.data.byteLength - 1));
      await bob.clock.advance(100);
    }
    expect(bob.ofKind('alarm')[0]?.alarm).toMatchObject({ kind: 'unsealed', leaf: null, media: 'video' });
  });

  it('an audio-only seat takes any microphone, and nothing but microphones', async () => {
    const { alice, carol, bob } = await three();
    const voice = bob.receiver(7, 'audio');
    await bob.expect(7, 'audio', 'any_microphone');
    await voice.put(...(await sealed(alice, 0, 'audio', [opus(1)])), ...(await sealed(carol, 0, 'audio', [opus(2)])));
    await voice.put(...(await sealed(carol, 3, 'audio', [opus(3)])));
    await bob.clock.advance(100);
    expect(voice.out).toHaveLength(2);
    expect(bob.ofKind('senderChanged').map(({ sender }) => [sender.seat, sender.leaf, sender.ctx])).toEqual([[7, 3, 0], [7, 9, 0]]);
    expect(await bob.drops(voice)).toEqual({ ctx_mismatch: 1 });
  });

  it('the member announced before is shown for 500 ms more, and not a frame longer', async () => {
    const { alice, bob, seat } = await three();
    await bob.expect(0, 'video', { pid: CAROL.pid, ctx: 1 });
    await bob.clock.advance(499);
    await seat.put(...(await sealed(alice, 1, 'video', [vp8(true, 1)])));
    await bob.clock.advance(1);
    await seat.put(...(await sealed(alice, 1, 'video', [vp8(true, 2)])));
    await bob.clock.advance(500);
    expect(seat.out).toHaveLength(1);
    expect(await bob.drops(seat)).toEqual({ sender_mismatch: 1 });
  });

  it('an emptied seat shows nothing more', async () => {
    const { alice, bob, seat } = await three();
    await bob.expect(0, 'video', null);
    await seat.put(...(await sealed(alice, 1, 'video', [vp8(true, 1)])));
    await bob.clock.advance(600);
    expect(seat.out).toHaveLength(0);
    expect(await bob.drops(seat)).toEqual({ sender_mismatch: 1 });
  });
});

describe('members', () => {
  const leftThenBack = async (pairOf: Pair, who: Member, start: string): Promise<void> => {
    await pairOf.bob.ask({ kind: 'memberLeft', pid: who.pid });
    expect(await pairOf.bob.knows(who, start)).toBe(true);
  };

  it('one who left cannot be heard', async () => {
    const { alice, bob, seat } = await pair();
    await bob.ask({ kind: 'memberLeft', pid: ALICE.pid });
    await seat.put(...(await sealed(alice, 1, 'video', [vp8(true, 1)])));
    await bob.clock.advance(600);
    expect(await bob.drops(seat)).toEqual({ unknown_key: 1 });
  });

  it('T3: leaving and coming back with the same announcement opens no door for old frames', async () => {
    const all = await pair();
    const start = await all.alice.joined(ALICE);
    const frames = await sealed(all.alice, 1, 'video', [vp8(true, 1), vp8(false, 2)]);
    await all.seat.put(...frames.map(copy));
    await leftThenBack(all, ALICE, start);
    await all.seat.put(...frames.map(copy));
    expect(all.seat.out).toHaveLength(2);
    expect(await all.bob.drops(all.seat)).toEqual({ dup: 2 });
  });

  it('a replaced announcement is never taken again', async () => {
    const { bob, alice } = await pair();
    const old = await alice.joined(ALICE);
    const restarted = await Rig.start();
    expect(await bob.knows(ALICE, await restarted.joined(ALICE))).toBe(true);
    expect(await bob.knows(ALICE, old)).toBe(false);
    await bob.ask({ kind: 'memberLeft', pid: ALICE.pid });
    expect(await bob.knows(ALICE, old)).toBe(false);
  });

  it('T19: neither our own pid or leaf nor one in use can be claimed', async () => {
    const { bob } = await pair();
    const mallory = await Rig.start();
    const claims: Member[] = [BOB, { pid: CAROL.pid, leaf: BOB.leaf }, { pid: CAROL.pid, leaf: ALICE.leaf }, { pid: BOB.pid, leaf: 77 }];
    for (const claim of claims) expect(await bob.knows(claim, await mallory.joined(claim))).toBe(false);
    await bob.clock.advance(1000);
    expect(bob.ofKind('counts').at(-1)?.counts.startsRefused).toBe(4);
  });

  it('our own frames sent back to us are not shown', async () => {
    const { bob, seat } = await pair();
    await bob.expect(0, 'video', { pid: BOB.pid, ctx: 1 });
    await seat.put(...(await sealed(bob, 1, 'video', [vp8(true, 1)])));
    await bob.clock.advance(600);
    expect(await bob.drops(seat)).toEqual({ unknown_key: 1 });
  });

  it('a leaf is free again when its member left', async () => {
    const { bob } = await pair();
    await bob.ask({ kind: 'memberLeft', pid: ALICE.pid });
    const heir = { pid: CAROL.pid, leaf: ALICE.leaf };
    expect(await bob.knows(heir, await (await Rig.start()).joined(heir))).toBe(true);
  });

  it('at most 256 are taken', async () => {
    const { bob } = await pair();
    const crowd = await Rig.start();
    let taken = 1;
    for (let leaf = 100; leaf < 360; leaf++) if (await bob.knows(member(leaf), await crowd.joined(member(leaf)))) taken++;
    expect(taken).toBe(256);
  }, 30_000);

  it('after close there is no key', async () => {
    const { alice } = await pair();
    alice.core.receive({ kind: 'close' });
    const wire = alice.sender(1, 'video');
    await wire.put(vp8(true, 1));
    expect(wire.out).toHaveLength(0);
    await expect(alice.joined(ALICE)).rejects.toThrow();
  });
});
