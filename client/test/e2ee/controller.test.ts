import { afterEach, describe, expect, it, vi } from 'vitest';
import { E2eeController, E2eeError, type E2eeEvents } from '../../src/e2ee/controller.ts';
import { systemClock } from '../../src/e2ee/clock.ts';
import type { ToWorker, TransformOptions } from '../../src/e2ee/messages.ts';
import { WorkerCore } from '../../src/e2ee/worker_core.ts';
import { copy, member, opus, ROOM, SECRET, settled, vp8, Wire } from './rig.ts';

const ALICE = member(3);
const BOB = member(5);

/** The worker's code behind the messages a real one would get, clones included. */
class LocalWorker {
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onerror: ((event: { preventDefault(): void }) => void) | null = null;
  onmessageerror: (() => void) | null = null;
  terminated = false;
  mute = false;
  readonly core = new WorkerCore((message) => {
    const data: unknown = structuredClone(message);
    queueMicrotask(() => {
      if (!this.terminated && !this.mute) this.onmessage?.({ data });
    });
  }, systemClock);

  postMessage(message: ToWorker, transfer: Transferable[] = []): void {
    const data = structuredClone(message, { transfer });
    if (!this.terminated) queueMicrotask(() => this.core.receive(data));
  }

  terminate(): void {
    this.terminated = true;
    this.core.receive({ kind: 'close' });
  }
}

const wires: Wire[] = [];

/** As the browser: the worker's event comes in a task of its own. */
class FakeScriptTransform {
  constructor(worker: LocalWorker, readonly options: TransformOptions) {
    const wire = new Wire(structuredClone(options));
    wires.push(wire);
    queueMicrotask(() => worker.core.attach(wire.transformer));
  }
}

vi.stubGlobal('RTCRtpScriptTransform', FakeScriptTransform);

function events(): { [K in keyof E2eeEvents]: ReturnType<typeof vi.fn<E2eeEvents[K]>> } {
  return {
    senderChanged: vi.fn(), sealed: vi.fn(), alarm: vi.fn(), alarmCleared: vi.fn(), counts: vi.fn(), workerFailed: vi.fn(),
  };
}

const live: E2eeController[] = [];

async function controller(worker = new LocalWorker(), on = events()): Promise<E2eeController> {
  const made = await E2eeController.create({
    room: ROOM, secret: SECRET, events: on, createWorker: () => worker as unknown as Worker, // the part it uses
  });
  live.push(made);
  return made;
}

/** Only `transform` and the parameters are touched. */
function rtpSender(): RTCRtpSender & { asked: unknown[] } {
  const asked: unknown[] = [];
  const parameters = { encodings: [{ rid: 'q' }, { rid: 'h' }] };
  const sender = { transform: null, asked, getParameters: () => parameters, setParameters: async (...all: unknown[]) => void asked.push(all) };
  return sender as unknown as RTCRtpSender & { asked: unknown[] };
}

const rtpReceiver = (): RTCRtpReceiver => ({ transform: null }) as unknown as RTCRtpReceiver;

afterEach(() => {
  for (const one of live.splice(0)) one.close();
  wires.length = 0;
  vi.useRealTimers();
});

describe('E2eeController', () => {
  it.each([0, 31, 33])('T16: refuses a secret of %d bytes before any worker is made', async (size) => {
    const createWorker = vi.fn<() => Worker>();
    const made = E2eeController.create({ room: ROOM, secret: new Uint8Array(size), events: events(), createWorker });
    await expect(made).rejects.toMatchObject({ code: 'secret_refused' });
    expect(createWorker).not.toHaveBeenCalled();
  });

  it('keeps the caller\u2019s secret whole', async () => {
    await controller();
    expect(SECRET[31]).toBe(32);
  });

  it('R2: sets the transform in the same task; R3: resolves when the worker has it', async () => {
    const worker = new LocalWorker();
    const made = await controller(worker);
    const sender = rtpSender();
    const receiver = rtpReceiver();
    const both = Promise.all([made.attachSender(sender, 'camera'), made.attachReceiver(receiver, 0, 'audio')]);
    expect(sender.transform).toBeInstanceOf(FakeScriptTransform);
    expect(receiver.transform).toBeInstanceOf(FakeScriptTransform);
    await both;
    expect((sender.transform as unknown as FakeScriptTransform).options).toMatchObject({ direction: 'seal', ctx: 1, media: 'video' });
  });

  it('two members hear and see each other, and nothing before that', async () => {
    const [onAlice, onBob] = [events(), events()];
    const [alice, bob] = [await controller(undefined, onAlice), await controller(undefined, onBob)];
    await alice.attachSender(rtpSender(), 'camera');
    await bob.attachReceiver(rtpReceiver(), 0, 'video');
    const [camera, seat] = wires;
    if (camera === undefined || seat === undefined) throw new Error('no transforms');
    const start = await alice.joined(ALICE);
    await bob.joined(BOB);
    expect(bob.keyCount()).toBe(1);
    expect(await bob.memberStart(ALICE, start)).toBe(true);
    expect(await bob.memberStart({ pid: ALICE.pid, leaf: 4 }, start)).toBe(false);
    expect(bob.keyCount()).toBe(2);
    bob.expect(0, 'video', { pid: ALICE.pid, ctx: 1 });
    const plain = vp8(true, 1);
    await camera.put(copy(plain));
    expect(onAlice.sealed).toHaveBeenCalledExactlyOnceWith('camera');
    await seat.put(...camera.out);
    expect(seat.take()).toEqual([new Uint8Array(plain.data)]);
    expect(onBob.senderChanged).toHaveBeenCalledExactlyOnceWith({ seat: 0, kind: 'video', leaf: 3, ctx: 1, pid: ALICE.pid });
    await bob.memberLeft(ALICE.pid);
    expect(bob.keyCount()).toBe(1);
  });

  it('names go sealed and come back', async () => {
    const [alice, bob] = [await controller(), await controller()];
    const sealedName = await alice.sealName('  Ann\u202e ');
    expect(sealedName).not.toContain('Ann');
    expect(await bob.openName(sealedName)).toBe('Ann');
    expect(await bob.openName('AAAA')).toBeNull();
  });

  it('asks the encoder for a key frame where the worker cannot', async () => {
    const made = await controller();
    const sender = rtpSender();
    await made.attachSender(sender, 'camera');
    made.requestKeyFrame('camera');
    await settled();
    expect(sender.asked).toEqual([[expect.anything(), { encodingOptions: [{ keyFrame: true }, { keyFrame: true }] }]]);
  });

  it('maps payload types for browsers without mimeType', async () => {
    const made = await controller();
    await made.attachSender(rtpSender(), 'microphone');
    await made.joined(ALICE);
    made.payloadTypes(new Map([[111, 'audio/opus']]));
    const [wire] = wires;
    const silent = opus(1);
    await wire?.put({ data: silent.data, getMetadata: () => ({ payloadType: 111 }) });
    expect(wire?.out).toHaveLength(1);
  });

  it('R6: a dead worker is reported once, and every wait ends', async () => {
    const worker = new LocalWorker();
    const on = events();
    const made = await controller(worker, on);
    worker.mute = true;
    const waiting = made.joined(ALICE);
    worker.onerror?.({ preventDefault: () => undefined });
    worker.onerror?.({ preventDefault: () => undefined });
    await expect(waiting).rejects.toMatchObject({ code: 'worker_failed' });
    expect(on.workerFailed).toHaveBeenCalledExactlyOnceWith('error');
    await expect(made.sealName('x')).rejects.toBeInstanceOf(E2eeError);
    expect(worker.terminated).toBe(true);
  });

  it('a worker that never answers is given up', async () => {
    const worker = new LocalWorker();
    const made = await controller(worker);
    worker.mute = true;
    vi.useFakeTimers();
    const waiting = expect(made.attachSender(rtpSender(), 'screen')).rejects.toMatchObject({ code: 'worker_timeout' });
    await vi.advanceTimersByTimeAsync(10_000);
    await waiting;
  });

  it('after close nothing seals, and nothing is answered', async () => {
    const worker = new LocalWorker();
    const on = events();
    const made = await controller(worker, on);
    await made.attachSender(rtpSender(), 'camera');
    await made.joined(ALICE);
    made.close();
    made.close();
    await wires[0]?.put(vp8(true, 1));
    expect(wires[0]?.out).toHaveLength(0);
    expect(worker.terminated).toBe(true);
    await expect(made.memberStart(BOB, '')).rejects.toMatchObject({ code: 'closed' });
    expect(on.workerFailed).not.toHaveBeenCalled();
  });

  it('says what is impossible: a leaf out of range, a worker that cannot be made', async () => {
    const made = await controller();
    await expect(made.joined({ pid: ALICE.pid, leaf: 5000 })).rejects.toMatchObject({ code: 'refused' });
    const broken = E2eeController.create({ room: ROOM, secret: SECRET, events: events(), createWorker: () => { throw new Error('CSP'); } });
    await expect(broken).rejects.toMatchObject({ code: 'unsupported' });
  });

  it('T39: without script transforms a browser is not supported', () => {
    vi.stubGlobal('Worker', LocalWorker);
    expect(E2eeController.supported()).toBe(true);
    vi.stubGlobal('RTCRtpScriptTransform', undefined);
    expect(E2eeController.supported()).toBe(false);
    vi.stubGlobal('RTCRtpScriptTransform', FakeScriptTransform);
  });
});
