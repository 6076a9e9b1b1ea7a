/**
 * What test builds can do and a normal build cannot: log (key, nonce) pairs, keep plaintext frames, send in clear.
 *
 * Every use stands behind the constant `__SOTTO_TEST__`, which a normal build folds to false; a test greps its
 * output for the marker below.
 */
import { concat, toBase64url, type Bytes } from './bytes.ts';
import { codecOf } from './codecs.ts';
import type { EncodedFrame, Transformer } from './frames.ts';
import { sha256 } from './kdf.ts';
import type { TestOptions, TestRecord, TransformOptions } from './messages.ts';
import type { SealRecorder } from './seal_pipeline.ts';

/** Set by a test page before the app starts; the lists are filled here. */
export interface SottoTest {
  disableTransforms?: boolean;
  recordPlaintext?: boolean;
  /** SHA-256(SHA-256(key) || nonce) of every seal, base64url. */
  keyUses?: string[];
  /** Encoded frames as the encoder made them. */
  plaintext?: { ctx: number; codec: string; frame: ArrayBuffer }[];
}

const MARKER = 'sotto_test_build';

export function testState(): SottoTest {
  const scope = globalThis as unknown as Record<string, SottoTest | undefined>; // a global no type declares
  return (scope[MARKER] ??= {});
}

export function testOptions(): TestOptions {
  const { disableTransforms = false, recordPlaintext = false } = testState();
  return { passthrough: disableTransforms, recordPlaintext };
}

/** On the page: keep what the worker of a test build tells. */
export function keepRecord(record: TestRecord): void {
  const state = testState();
  if (record.kind === 'testKeyUse') (state.keyUses ??= []).push(record.hash);
  else (state.plaintext ??= []).push({ ctx: record.ctx, codec: record.codec, frame: record.frame });
}

/** In the worker. */
export function recorderOf(options: TransformOptions, post: (record: TestRecord) => void): SealRecorder {
  const ctx = options.direction === 'seal' ? options.ctx : -1;
  return {
    async keyUsed(fingerprint: Bytes | null, nonce: Bytes): Promise<void> {
      if (fingerprint === null) throw new Error('a test build names its keys');
      post({ kind: 'testKeyUse', hash: toBase64url(await sha256(concat(fingerprint, nonce))) });
    },
    plaintext(codec, frame) {
      if (options.test?.recordPlaintext === true) post({ kind: 'testPlaintext', ctx, codec, frame: frame.slice(0) });
    },
  };
}

/** In the worker, for the control run: frames go on as they came, noted on the way out. */
export async function passThrough(
  transformer: Transformer, options: TransformOptions, post: (record: TestRecord) => void,
): Promise<void> {
  const recorder = recorderOf(options, post);
  const untouched = new TransformStream<EncodedFrame, EncodedFrame>({
    transform(frame, controller) {
      const codec = codecOf(frame.getMetadata(), new Map());
      if (options.direction === 'seal' && codec !== null) recorder.plaintext(codec, frame.data);
      controller.enqueue(frame);
    },
  });
  await transformer.readable.pipeThrough(untouched).pipeTo(transformer.writable).catch(() => undefined);
}
