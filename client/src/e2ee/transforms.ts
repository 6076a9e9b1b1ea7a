/** Run one encoded transform: read its frames, hand them to a pipeline, write what comes out. */
import type { Clock } from './clock.ts';
import { SeatExpectation } from './expectation.ts';
import type { EncodedFrame, Transformer } from './frames.ts';
import { KeyFrameWatch } from './key_frames.ts';
import type { KeyRing, RemoteSender } from './key_ring.ts';
import type { DropReason, FromWorker, TransformOptions } from './messages.ts';
import { OpenPipeline } from './open_pipeline.ts';
import { SealPipeline } from './seal_pipeline.ts';
import type { V1Header } from './sframe/v1.ts';
import { Tally } from './tally.ts';
import { recorderOf } from './test_hooks.ts';
import { AlarmWatch, alarmOf } from './alarms.ts';

const GENERATE_EVERY_MS = 1000; // R8

/** What all transforms of a worker share. */
export interface TransformShared {
  readonly ring: KeyRing;
  readonly clock: Clock;
  readonly payloadTypes: ReadonlyMap<number, string>;
  post(message: FromWorker): void;
  broken(error: unknown): void;
}

type SealOptions = Extract<TransformOptions, { direction: 'seal' }>;
type OpenOptions = Extract<TransformOptions, { direction: 'open' }>;

export class SealTransform {
  readonly tally: Tally;
  readonly ctx: number;
  readonly #shared: TransformShared;
  readonly #transformer: Transformer;
  readonly #options: SealOptions;
  readonly #pipeline: SealPipeline;
  #askedMs = Number.NEGATIVE_INFINITY;

  constructor(shared: TransformShared, transformer: Transformer, options: SealOptions) {
    this.#shared = shared;
    this.#transformer = transformer;
    this.#options = options;
    this.ctx = options.ctx;
    this.tally = new Tally(options);
    this.#pipeline = new SealPipeline({
      ring: shared.ring,
      ctx: options.ctx,
      payloadTypes: shared.payloadTypes,
      tally: this.tally,
      write: writerOf(transformer),
      firstSealed: () => shared.post({ kind: 'firstSealed', id: options.id }),
      recorder: __SOTTO_TEST__ ? recorderOf(options, (message) => shared.post(message)) : null,
    });
  }

  run(): Promise<void> {
    return readAll(this.#transformer, (frame) => this.#pipeline.push(frame));
  }

  /** Our key is there now. */
  keyInstalled(): void {
    if (this.#pipeline.takeMissedKey()) this.requestKeyFrame();
  }

  /** From our own encoder; at most one a second. */
  requestKeyFrame(): void {
    const nowMs = this.#shared.clock.nowMs();
    if (this.#options.media === 'audio' || nowMs - this.#askedMs < GENERATE_EVERY_MS) return;
    this.#askedMs = nowMs;
    const ask = (): void => this.#shared.post({ kind: 'keyFrameNeeded', id: this.#options.id });
    if (this.#transformer.generateKeyFrame === undefined) ask();
    else this.#transformer.generateKeyFrame().catch(ask);
  }
}

export class OpenTransform {
  readonly tally: Tally;
  readonly #shared: TransformShared;
  readonly #transformer: Transformer;
  readonly #options: OpenOptions;
  readonly #pipeline: OpenPipeline;
  readonly #keyFrames = new KeyFrameWatch();
  readonly #alarms: AlarmWatch;
  #seen: string | null = null;

  constructor(
    shared: TransformShared, transformer: Transformer, options: OpenOptions,
    expectation: SeatExpectation, alarms: AlarmWatch,
  ) {
    this.#shared = shared;
    this.#transformer = transformer;
    this.#options = options;
    this.#alarms = alarms;
    this.tally = new Tally(options);
    this.#pipeline = new OpenPipeline({
      ...{ ring: shared.ring, clock: shared.clock, payloadTypes: shared.payloadTypes },
      expectation,
      tally: this.tally,
      write: writerOf(transformer),
      opened: (sender, header, isKey) => this.#opened(sender, header, isKey),
      dropped: (reason, leaf, arrivedMs) => this.#dropped(reason, leaf, arrivedMs),
      broken: (error) => shared.broken(error),
    });
  }

  async run(): Promise<void> {
    await readAll(this.#transformer, (frame) => this.#pipeline.push(frame));
    this.#pipeline.close();
  }

  /** A key or an announcement came. */
  poke(): void {
    this.#pipeline.poke();
  }

  #opened(sender: RemoteSender, header: V1Header, isKey: boolean): void {
    const { media, seat } = this.#options;
    const seen = `${sender.pid}/${header.kid}`;
    if (seen !== this.#seen) {
      this.#seen = seen;
      this.#keyFrames.restarted();
      const { leaf, ctx } = header;
      this.#shared.post({ kind: 'senderChanged', sender: { seat, kind: media, leaf, ctx, pid: sender.pid } });
    }
    if (media === 'video' && this.#keyFrames.opened(isKey, this.#shared.clock.nowMs())) {
      this.#transformer.sendKeyFrameRequest?.().catch(() => undefined); // the stream is closing: nobody to ask
    }
  }

  #dropped(reason: DropReason, leaf: number | null, arrivedMs: number): void {
    this.#keyFrames.dropped(reason);
    const kind = alarmOf(reason);
    if (kind === null) return;
    const alarm = this.#alarms.failed(kind, leaf, arrivedMs, this.#shared.clock.nowMs());
    if (alarm !== null) this.#shared.post({ kind: 'alarm', alarm });
  }
}

/** Until the browser ends the stream or the connection closes. */
async function readAll(transformer: Transformer, take: (frame: EncodedFrame) => void | Promise<void>): Promise<void> {
  const reader = transformer.readable.getReader();
  for (;;) {
    const next = await reader.read().catch(() => ({ done: true as const, value: undefined }));
    if (next.done) return;
    await take(next.value);
  }
}

function writerOf(transformer: Transformer): (frame: EncodedFrame) => void {
  const writer = transformer.writable.getWriter();
  writer.closed.catch(() => undefined); // the connection closed: what is written is lost with it
  return (frame) => {
    writer.write(frame).catch(() => undefined);
  };
}
