/**
 * Seal and open SFrame objects (RFC 9605 section 4.4): `header || ciphertext || tag`, AAD `header || metadata`.
 *
 * `SealStream` owns the counter of one KID: nothing else may seal under that KID, or a nonce repeats.
 * `OpenStream` owns its replay window. Each object costs one AEAD call, never more (E2EE.md D7).
 */
import { concat, type Bytes } from '../bytes.ts';
import { encodeHeader } from './header.ts';
import { nonceOf, type FrameKey } from './keys.ts';
import { ReplayWindow } from './replay.ts';
import type { V1Header } from './v1.ts';

export const MAX_OBJECTS = 2 ** 32;
// E2EE.md 5.6: hard stop at 2^32 frames or CTR 2^40. The counter starts at 0 and never skips, so frames come first.

/** `AAD = header || 01 || codec_id` (E2EE.md 5.5): a relabelled codec fails authentication. */
const METADATA_VERSION = 1;

export type Opened = { readonly plaintext: Bytes } | { readonly dropped: 'auth' | 'dup' | 'old' };

export interface Sealed {
  readonly object: Bytes;
  readonly nonce: Bytes;
}

export class SealStream {
  readonly #kid: number;
  readonly #key: FrameKey;
  #next: number;

  /** `first` is for tests of the hard stop. */
  constructor(kid: number, key: FrameKey, first = 0) {
    this.#kid = kid;
    this.#key = key;
    this.#next = first;
  }

  get fingerprint(): Bytes | null {
    return this.#key.fingerprint;
  }

  /** Null once the counter is spent. The counter is taken before the first await, so calls may overlap. */
  async seal(codecId: number, plaintext: Bytes): Promise<Sealed | null> {
    if (this.#next >= MAX_OBJECTS) return null;
    const ctr = this.#next++;
    return sealObject(this.#key, this.#kid, ctr, metadataOf(codecId), plaintext);
  }
}

export class OpenStream {
  readonly #key: FrameKey;
  readonly #window: ReplayWindow;

  /** `window` must be the one that has seen all earlier objects under this very key. */
  constructor(key: FrameKey, window: ReplayWindow) {
    this.#key = key;
    this.#window = window;
  }

  check(ctr: number): 'ok' | 'dup' | 'old' {
    return this.#window.check(ctr);
  }

  async open(header: V1Header, codecId: number, object: Bytes): Promise<Opened> {
    const plaintext = await openObject(this.#key, header, metadataOf(codecId), object);
    if (plaintext === null) return { dropped: 'auth' };
    const verdict = this.#window.accept(header.ctr);
    return verdict === 'ok' ? { plaintext } : { dropped: verdict };
  }
}

export function metadataOf(codecId: number): Bytes {
  return Uint8Array.of(METADATA_VERSION, codecId);
}

export async function sealObject(
  key: FrameKey, kid: number, ctr: number, metadata: Bytes, plaintext: Bytes,
): Promise<Sealed> {
  const header = encodeHeader(BigInt(kid), BigInt(ctr));
  const nonce = nonceOf(key.salt, ctr);
  const params = { name: 'AES-GCM', iv: nonce, additionalData: concat(header, metadata) };
  const ciphertext = new Uint8Array(await crypto.subtle.encrypt(params, key.aead, plaintext));
  return { object: concat(header, ciphertext), nonce };
}

/** Null when the tag does not fit. */
export async function openObject(
  key: FrameKey, header: { readonly ctr: number; readonly sizeBytes: number }, metadata: Bytes, object: Bytes,
): Promise<Bytes | null> {
  const aad = concat(object.subarray(0, header.sizeBytes), metadata);
  const params = { name: 'AES-GCM', iv: nonceOf(key.salt, header.ctr), additionalData: aad };
  try {
    return new Uint8Array(await crypto.subtle.decrypt(params, key.aead, object.subarray(header.sizeBytes)));
  } catch {
    return null; // WebCrypto has one error for a wrong tag, and a wrong tag is an answer here
  }
}
