/** The sending transform: a frame leaves sealed or not at all. There is no "off" in here. */
import type { Bytes } from './bytes.ts';
import { CODEC_IDS, codecOf, type SealedCodec } from './codecs.ts';
import type { EncodedFrame } from './frames.ts';
import type { KeyRing } from './key_ring.ts';
import type { DropReason } from './messages.ts';
import { wrap } from './shims.ts';
import type { Tally } from './tally.ts';

export interface SealPorts {
  readonly ring: KeyRing;
  readonly ctx: number;
  readonly payloadTypes: ReadonlyMap<number, string>;
  readonly tally: Tally;
  write(frame: EncodedFrame): void;
  /** Once: the first frame went out sealed (R4). */
  firstSealed(): void;
  /** Test builds only: what was sealed, and under which (key, nonce). */
  readonly recorder: SealRecorder | null;
}

export interface SealRecorder {
  keyUsed(fingerprint: Bytes | null, nonce: Bytes): Promise<void>;
  plaintext(codec: SealedCodec, frame: ArrayBuffer): void;
}

export class SealPipeline {
  readonly #ports: SealPorts;
  #missedKey = false;

  constructor(ports: SealPorts) {
    this.#ports = ports;
  }

  /** Frames were dropped for want of a key, so the first ones after it would not decode. Resets. */
  takeMissedKey(): boolean {
    const missed = this.#missedKey;
    this.#missedKey = false;
    return missed;
  }

  /** Await it before the next frame: order is kept by the caller. */
  async push(frame: EncodedFrame): Promise<void> {
    const { tally } = this.#ports;
    tally.framesIn++;
    const reason = await this.#seal(frame);
    if (reason !== null) {
      tally.drops[reason]++;
      return;
    }
    if (tally.framesOut++ === 0) this.#ports.firstSealed();
    this.#ports.write(frame);
  }

  async #seal(frame: EncodedFrame): Promise<DropReason | null> {
    const { ring, ctx, payloadTypes, tally, recorder } = this.#ports;
    if (frame.data.byteLength === 0) return 'empty';
    const codec = codecOf(frame.getMetadata(), payloadTypes);
    if (codec === null) return 'unknown_codec';
    const stream = ring.ownStream(ctx);
    if (stream === null) {
      this.#missedKey = true;
      return 'no_key';
    }
    const plaintext = new Uint8Array(frame.data);
    tally.aeadCalls++;
    const sealed = await stream.seal(CODEC_IDS[codec], plaintext);
    if (sealed === null) return 'exhausted';
    if (__SOTTO_TEST__) {
      await recorder?.keyUsed(stream.fingerprint, sealed.nonce);
      recorder?.plaintext(codec, frame.data);
    }
    const wire = wrap(codec, plaintext, frame.type === 'key', sealed.object);
    if (wire === null) return 'bad_frame';
    frame.data = wire.buffer;
    return null;
  }
}
