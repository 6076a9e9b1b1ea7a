/** A worker without a browser: hand-turned time, transforms made of plain streams, members made of real keys. */
import type { Clock } from '../../src/e2ee/clock.ts';
import type { FrameMetadata } from '../../src/e2ee/codecs.ts';
import type { EncodedFrame, Transformer } from '../../src/e2ee/frames.ts';
import type { DropReason, Expected, FromWorker, MediaKind, Request, TransformCounts, TransformOptions } from '../../src/e2ee/messages.ts';
import { WorkerCore } from '../../src/e2ee/worker_core.ts';

export const SECRET = Uint8Array.from({ length: 32 }, (_, at) => at + 1);
export const ROOM = 'team-standup';

export interface Member {
  readonly pid: string;
  readonly leaf: number;
}

/** 8 bytes, base64url: eleven characters. */
export function member(leaf: number): Member {
  return { pid: Buffer.from([0, 0, 0, 0, 0, 0, leaf >> 8, leaf & 255]).toString('base64url'), leaf };
}

export class HandClock implements Clock {
  #nowMs = 1000;
  #next = 0;
  readonly #timers = new Map<number, { atMs: number; then: () => void }>();

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, then: () => void): () => void {
    const id = this.#next++;
    this.#timers.set(id, { atMs: this.#nowMs + delayMs, then });
    return () => void this.#timers.delete(id);
  }

  /** Timers run in order at their own time, and what they start is awaited. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      const due = [...this.#timers].filter(([, { atMs }]) => atMs <= untilMs).sort(([, a], [, b]) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#timers.delete(due[0]);
      this.#nowMs = Math.max(this.#nowMs, due[1].atMs);
      due[1].then();
      await settled();
    }
    this.#nowMs = untilMs;
    await settled();
  }
}

let cryptoCalls = 0; // WebCrypto answers from threads of its own: counted, so that waiting needs no guess

for (const name of ['encrypt', 'decrypt', 'deriveBits', 'deriveKey', 'importKey', 'sign', 'verify', 'digest'] as const) {
  const real = (crypto.subtle[name] as (...args: unknown[]) => Promise<unknown>).bind(crypto.subtle);
  const counted = (...args: unknown[]): Promise<unknown> => {
    cryptoCalls++;
    return real(...args).finally(() => cryptoCalls--);
  };
  Object.defineProperty(crypto.subtle, name, { value: counted, configurable: true });
}

/** Until all work that needs no time is done: no crypto call open over three turns of the event loop. */
export async function settled(): Promise<void> {
  for (let quiet = 0; quiet < 3; quiet = cryptoCalls === 0 ? quiet + 1 : 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export function frame(raw: Uint8Array, metadata: FrameMetadata, type?: string): EncodedFrame {
  return { data: Uint8Array.from(raw).buffer, type, getMetadata: () => metadata };
}

export class Wire {
  readonly out: EncodedFrame[] = [];
  readonly transformer: Transformer;
  keyFrameRequests = 0;
  generated = 0;
  #controller: ReadableStreamDefaultController<EncodedFrame> | null = null;

  constructor(options: TransformOptions, abilities: { generate?: boolean } = {}) {
    this.transformer = {
      options,
      readable: new ReadableStream({ start: (controller) => void (this.#controller = controller) }),
      writable: new WritableStream({ write: (one) => void this.out.push(one) }),
      sendKeyFrameRequest: async () => void this.keyFrameRequests++,
      ...(abilities.generate === true ? { generateKeyFrame: async () => void this.generated++ } : {}),
    };
  }

  /** In portions, as a network delivers: no queue has to hold them all. */
  async put(...frames: readonly EncodedFrame[]): Promise<void> {
    for (let at = 0; at < frames.length; at += 200) await this.flood(frames.slice(at, at + 200));
  }

  /** All at once. */
  async flood(frames: readonly EncodedFrame[]): Promise<void> {
    for (const one of frames) this.#controller?.enqueue(one);
    await settled();
  }

  async end(): Promise<void> {
    this.#controller?.close();
    await settled();
  }

  take(): Uint8Array[] {
    return this.out.splice(0).map((one) => new Uint8Array(one.data));
  }
}

let nextTransform = 1;

export class Rig {
  readonly clock = new HandClock();
  readonly posted: FromWorker[] = [];
  readonly core: WorkerCore;
  #nextRequest = 1;

  private constructor() {
    this.core = new WorkerCore((message) => void this.posted.push(message), this.clock);
  }

  static async start(options: { room?: string; secret?: Uint8Array; self?: Member } = {}): Promise<Rig> {
    const rig = new Rig();
    const secret = Uint8Array.from(options.secret ?? SECRET);
    await rig.ask({ kind: 'init', room: options.room ?? ROOM, secret });
    if (options.self !== undefined) await rig.joined(options.self);
    return rig;
  }

  async ask(request: Request): Promise<string | boolean | null> {
    const id = this.#nextRequest++;
    this.core.receive({ ...request, request: id });
    await settled();
    const answer = this.posted.find((one) => (one.kind === 'reply' || one.kind === 'refused') && one.request === id);
    if (answer?.kind === 'reply') return answer.value;
    if (answer?.kind === 'refused') throw new Error(answer.reason);
    throw new Error('no answer');
  }

  async joined(self: Member): Promise<string> {
    return String(await this.ask({ kind: 'joined', self }));
  }

  async knows(from: Member, announcement: string): Promise<boolean> {
    const taken = await this.ask({ kind: 'memberStart', from, body: announcement });
    await settled();
    return taken === true;
  }

  async expect(seat: number, media: MediaKind, who: Expected): Promise<void> {
    this.core.receive({ kind: 'expect', seat, media, who });
    await settled();
  }

  sender(ctx: number, media: MediaKind, abilities: { generate?: boolean } = {}): Wire {
    return this.#attach({ id: nextTransform++, media, direction: 'seal', ctx }, abilities);
  }

  receiver(seat: number, media: MediaKind): Wire {
    return this.#attach({ id: nextTransform++, media, direction: 'open', seat }, {});
  }

  ofKind<K extends FromWorker['kind']>(kind: K): Extract<FromWorker, { kind: K }>[] {
    return this.posted.filter((one): one is Extract<FromWorker, { kind: K }> => one.kind === kind);
  }

  /** Counts of a wire after the next report. */
  async counts(wire: Wire): Promise<TransformCounts> {
    await this.clock.advance(1000);
    const { id } = wire.transformer.options as TransformOptions; // made by #attach
    const all = this.ofKind('counts').flatMap(({ counts }) => counts.transforms);
    const found = all.findLast(({ transform }) => transform === id);
    if (found === undefined) throw new Error('never reported');
    return found;
  }

  /** Only the reasons that happened. */
  async drops(wire: Wire): Promise<Partial<Record<DropReason, number>>> {
    const { drops } = await this.counts(wire);
    return Object.fromEntries(Object.entries(drops).filter(([, count]) => count > 0));
  }

  #attach(options: TransformOptions, abilities: { generate?: boolean }): Wire {
    const wire = new Wire(options, abilities);
    this.core.attach(wire.transformer);
    return wire;
  }
}

/** What a browser that holds `self` puts on the wire for these frames. */
export async function sealed(rig: Rig, ctx: number, media: MediaKind, frames: readonly EncodedFrame[]): Promise<EncodedFrame[]> {
  const wire = rig.sender(ctx, media);
  await wire.put(...frames);
  return wire.out.splice(0);
}

export const OPUS: FrameMetadata = { mimeType: 'audio/opus' };
export const VP8: FrameMetadata = { mimeType: 'video/VP8' };
export const VP9: FrameMetadata = { mimeType: 'video/VP9' };

/** A VP8 frame as far as the shim looks: P bit, start code, 320x240. */
export function vp8(isKey: boolean, tag: number, size = 40): EncodedFrame {
  const raw = new Uint8Array(size).fill(tag);
  raw.set(isKey ? [0x70, 0x37, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xf0, 0] : [0xd1]);
  return frame(raw, VP8, isKey ? 'key' : 'delta');
}

export function opus(tag: number, size = 20): EncodedFrame {
  return frame(new Uint8Array(size).fill(tag), OPUS);
}

/** Another copy of the same bytes, as a retransmission delivers it. */
export function copy(one: EncodedFrame): EncodedFrame {
  return { data: one.data.slice(0), type: one.type, getMetadata: () => one.getMetadata() };
}
