/**
 * The receiving transform: every frame is opened once or dropped with a reason, in order (E2EE.md 5.5, 5.6).
 *
 * A frame whose key or announcement may still be on its way is held, for a bounded time and in bounded number.
 * A frame that can be opened never waits: what is held ahead of it is dropped, since the seat has moved on.
 */
import type { Bytes } from './bytes.ts';
import type { Clock } from './clock.ts';
import { CODEC_IDS, codecOf, type SealedCodec } from './codecs.ts';
import type { SeatExpectation } from './expectation.ts';
import type { EncodedFrame } from './frames.ts';
import type { KeyRing, RemoteSender } from './key_ring.ts';
import type { DropReason } from './messages.ts';
import { parseV1Header, type V1Header } from './sframe/v1.ts';
import { unwrap } from './shims.ts';
import type { Tally } from './tally.ts';

export const HOLD_VIDEO_MS = 500;
export const HOLD_AUDIO_MS = 60;
export const MAX_HELD_FRAMES = 64;
// E2EE.md 5.6. Higher: survives slower signalling. Lower: less memory, and less late media after the key arrives.
export const MAX_QUEUED_FRAMES = 512;
// All that may wait for anything, the AEAD included: 5 s of three layers after a stall. Beyond it the newest is dropped.

export interface OpenPorts {
  readonly ring: KeyRing;
  readonly clock: Clock;
  readonly expectation: SeatExpectation;
  readonly payloadTypes: ReadonlyMap<number, string>;
  readonly tally: Tally;
  write(frame: EncodedFrame): void;
  opened(sender: RemoteSender, header: V1Header, isKey: boolean): void;
  dropped(reason: DropReason, leaf: number | null, arrivedMs: number): void;
  /** A bug in here. The frame is gone. */
  broken(error: unknown): void;
}

interface Parsed {
  readonly codec: SealedCodec;
  readonly header: V1Header;
  readonly object: Bytes;
}

interface Waiting {
  readonly frame: EncodedFrame;
  readonly arrivedMs: number;
  readonly parsed: Parsed | DropReason;
}

type HoldReason = 'unknown_key' | 'sender_mismatch' | 'ctx_mismatch';
type Verdict =
  | { readonly kind: 'open'; readonly sender: RemoteSender; readonly parsed: Parsed }
  | { readonly kind: 'hold'; readonly reason: HoldReason }
  | { readonly kind: 'drop'; readonly reason: DropReason };

interface Decided {
  readonly at: number;
  readonly waiting: Waiting;
  readonly verdict: Exclude<Verdict, { kind: 'hold' }>;
}

export class OpenPipeline {
  readonly #ports: OpenPorts;
  readonly #holdMs: number;
  readonly #queue: Waiting[] = [];
  #busy = false;
  #callOff: (() => void) | null = null;

  constructor(ports: OpenPorts) {
    this.#ports = ports;
    this.#holdMs = ports.tally.media === 'audio' ? HOLD_AUDIO_MS : HOLD_VIDEO_MS;
  }

  push(frame: EncodedFrame): void {
    const { clock, tally } = this.#ports;
    tally.framesIn++;
    const waiting = { frame, arrivedMs: clock.nowMs(), parsed: this.#parse(frame) };
    if (this.#queue.length >= MAX_QUEUED_FRAMES) return this.#drop(waiting, 'overflow');
    this.#queue.push(waiting);
    this.poke();
  }

  /** Look again: a frame, a key or an announcement came, or time passed. */
  poke(): void {
    if (this.#busy) return; // the running pass looks at everything again before it ends
    this.#busy = true;
    this.#pass().catch((error: unknown) => this.#ports.broken(error));
  }

  /** Forget everything that waits. */
  close(): void {
    this.#queue.length = 0;
    this.#callOff?.();
  }

  async #pass(): Promise<void> {
    this.#callOff?.();
    this.#callOff = null;
    try {
      for (let found = this.#firstDecided(); found !== null; found = this.#firstDecided()) await this.#settle(found);
      this.#waitForOldest();
    } finally {
      this.#busy = false; // in the same task as the last look at the queue: no poke is lost
    }
  }

  async #settle({ at, waiting, verdict }: Decided): Promise<void> {
    if (verdict.kind === 'drop') {
      this.#queue.splice(at, 1);
      return this.#drop(waiting, verdict.reason);
    }
    for (const passed of this.#queue.splice(0, at)) this.#dropHeld(passed);
    this.#queue.shift();
    return this.#open(waiting, verdict.sender, verdict.parsed);
  }

  #waitForOldest(): void {
    const oldest = this.#queue[0];
    if (oldest === undefined) return;
    const leftMs = oldest.arrivedMs + this.#holdMs - this.#ports.clock.nowMs();
    this.#callOff = this.#ports.clock.after(Math.max(leftMs, 1), () => this.poke());
  }

  /** The first frame that need not be held any longer. */
  #firstDecided(): Decided | null {
    const nowMs = this.#ports.clock.nowMs();
    for (const [at, waiting] of this.#queue.entries()) {
      const verdict = this.#judge(waiting, nowMs);
      if (verdict.kind !== 'hold') return { at, waiting, verdict };
      const expired = nowMs - waiting.arrivedMs >= this.#holdMs;
      const crowded = at === 0 && this.#queue.length > MAX_HELD_FRAMES;
      if (expired || crowded) return { at, waiting, verdict: { kind: 'drop', reason: verdict.reason } };
    }
    return null;
  }

  #parse(frame: EncodedFrame): Parsed | DropReason {
    if (frame.data.byteLength === 0) return 'empty';
    const codec = codecOf(frame.getMetadata(), this.#ports.payloadTypes);
    if (codec === null) return 'unknown_codec';
    const object = unwrap(codec, new Uint8Array(frame.data));
    if (object === null) return 'malformed';
    const header = parseV1Header(object);
    return typeof header === 'string' ? header : { codec, header, object };
  }

  /** All hard checks before the AEAD. */
  #judge({ parsed }: Waiting, nowMs: number): Verdict {
    if (typeof parsed === 'string') return { kind: 'drop', reason: parsed };
    const { ring, expectation } = this.#ports;
    const { leaf, epoch, ctx } = parsed.header;
    if (!ring.isLive(epoch)) return { kind: 'drop', reason: 'unknown_epoch' };
    const sender = ring.find(leaf, epoch);
    if (sender === null) return { kind: 'hold', reason: 'unknown_key' };
    const judgement = expectation.judge(sender.pid, ctx, nowMs);
    return judgement === 'match' ? { kind: 'open', sender, parsed } : { kind: 'hold', reason: judgement };
  }

  async #open(waiting: Waiting, sender: RemoteSender, parsed: Parsed): Promise<void> {
    const { tally } = this.#ports;
    const { header, codec, object } = parsed;
    const stream = await sender.stream(header.ctx);
    const freshness = stream.check(header.ctr);
    if (freshness !== 'ok') return this.#drop(waiting, freshness);
    tally.aeadCalls++;
    const opened = await stream.open(header, CODEC_IDS[codec], object);
    if ('dropped' in opened) return this.#drop(waiting, opened.dropped);
    const { frame } = waiting;
    const isKey = frame.type === 'key';
    frame.data = opened.plaintext.buffer;
    tally.framesOut++;
    this.#ports.opened(sender, header, isKey);
    this.#ports.write(frame);
  }

  #dropHeld(waiting: Waiting): void {
    const verdict = this.#judge(waiting, this.#ports.clock.nowMs());
    this.#drop(waiting, verdict.kind === 'open' ? 'overflow' : verdict.reason);
  }

  #drop(waiting: Waiting, reason: DropReason): void {
    this.#ports.tally.drops[reason]++;
    const leaf = typeof waiting.parsed === 'string' || reason === 'auth' ? null : waiting.parsed.header.leaf;
    this.#ports.dropped(reason, leaf, waiting.arrivedMs);
  }
}
