/** What the worker uses of the encoded transform API (W3C webrtc-encoded-transform), which TypeScript's DOM library lacks. */
import type { FrameMetadata } from './codecs.ts';

export interface EncodedFrame {
  data: ArrayBuffer;
  /** `key`, `delta` or `empty`; undefined for audio. */
  readonly type?: string | undefined;
  getMetadata(): FrameMetadata;
}

export interface Transformer {
  readonly readable: ReadableStream<EncodedFrame>;
  readonly writable: WritableStream<EncodedFrame>;
  readonly options: unknown;
  /** Receivers: send a PLI. */
  sendKeyFrameRequest?(): Promise<unknown>;
  /** Senders; absent in Chromium (E2EE.md 2.1). */
  generateKeyFrame?(): Promise<unknown>;
}
