/** From a base key to the key and salt of one KID (RFC 9605 section 4.4.2), suite 0x0004 only. */
import { bigEndian, concat, utf8, type Bytes } from '../bytes.ts';
import { hkdf, hkdfAesGcm, importIkm, sha256 } from '../kdf.ts';

export const SUITE_AES_128_GCM_SHA256_128 = 4;
export const TAG_BYTES = 16; // RFC 9605 section 4.5, Nt; shorter tags are the published weakness (E2EE.md D1)
export const NONCE_BYTES = 12;

const NO_SALT: Bytes = new Uint8Array(0);
const KEY_LABEL = utf8('SFrame 1.0 Secret key ');
const SALT_LABEL = utf8('SFrame 1.0 Secret salt ');

/** A cipher suite of RFC 9605 or its drafts that this client refuses. */
export class SuiteRefused extends Error {
  constructor(readonly suite: number) {
    super(`cipher suite ${suite}: only ${SUITE_AES_128_GCM_SHA256_128} is spoken here`);
    this.name = 'SuiteRefused';
  }
}

/** What seals and opens the objects of one KID. */
export interface FrameKey {
  readonly aead: CryptoKey;
  readonly salt: Bytes;
  /** Test builds only: names the key without being it, for the log of (key, nonce) pairs. */
  readonly fingerprint: Bytes | null;
}

/** The secret of one sender in one epoch. Each KID under it has its own key. */
export class BaseKey {
  readonly #ikm: CryptoKey;

  private constructor(ikm: CryptoKey) {
    this.#ikm = ikm;
  }

  /** Wipes `raw`. Throws SuiteRefused for any suite but AES_128_GCM_SHA256_128. */
  static async import(raw: Bytes, suite: number = SUITE_AES_128_GCM_SHA256_128): Promise<BaseKey> {
    if (suite !== SUITE_AES_128_GCM_SHA256_128) throw new SuiteRefused(suite);
    const ikm = await importIkm(raw);
    raw.fill(0);
    return new BaseKey(ikm);
  }

  async frameKey(kid: number): Promise<FrameKey> {
    const tail = concat(bigEndian(kid, 8), bigEndian(SUITE_AES_128_GCM_SHA256_128, 2));
    const keyInfo = concat(KEY_LABEL, tail);
    const [aead, salt] = await Promise.all([
      hkdfAesGcm(this.#ikm, NO_SALT, keyInfo),
      hkdf(this.#ikm, NO_SALT, concat(SALT_LABEL, tail), NONCE_BYTES),
    ]);
    let fingerprint: Bytes | null = null;
    if (__SOTTO_TEST__) fingerprint = await sha256(await hkdf(this.#ikm, NO_SALT, keyInfo, 16));
    return { aead, salt, fingerprint };
  }
}

/** `salt XOR CTR`, the counter right-aligned (RFC 9605 section 4.4.3). */
export function nonceOf(salt: Uint8Array, ctr: number): Bytes {
  const nonce = bigEndian(ctr, NONCE_BYTES);
  for (let i = 0; i < NONCE_BYTES; i++) nonce[i] = (nonce[i] ?? 0) ^ (salt[i] ?? 0);
  return nonce;
}
