/** HKDF-SHA-256 and HMAC-SHA-256 (RFC 5869, RFC 2104) over WebCrypto; keys are never extractable. */
import type { Bytes } from './bytes.ts';

const HMAC_SHA256 = { name: 'HMAC', hash: 'SHA-256' } as const;

/** Input keying material for `hkdf`. The caller wipes `raw` afterwards. */
export function importIkm(raw: Bytes): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', raw, 'HKDF', false, ['deriveBits', 'deriveKey']);
}

/** `Expand(Extract(salt, ikm), info, sizeBytes)`. */
export async function hkdf(ikm: CryptoKey, salt: Bytes, info: Bytes, sizeBytes: number): Promise<Bytes> {
  const params = { name: 'HKDF', hash: 'SHA-256', salt, info };
  return new Uint8Array(await crypto.subtle.deriveBits(params, ikm, sizeBytes * 8));
}

/** As `hkdf`, straight into an AES-128-GCM key: its bytes are never seen by script. */
export function hkdfAesGcm(ikm: CryptoKey, salt: Bytes, info: Bytes): Promise<CryptoKey> {
  const params = { name: 'HKDF', hash: 'SHA-256', salt, info };
  return crypto.subtle.deriveKey(params, ikm, { name: 'AES-GCM', length: 128 }, false, ['encrypt', 'decrypt']);
}

/** As `hkdf`, straight into a 32-byte HMAC-SHA-256 key. */
export function hkdfHmac(ikm: CryptoKey, salt: Bytes, info: Bytes): Promise<CryptoKey> {
  const params = { name: 'HKDF', hash: 'SHA-256', salt, info };
  return crypto.subtle.deriveKey(params, ikm, { ...HMAC_SHA256, length: 256 }, false, ['sign', 'verify']);
}

/** `Extract(salt, ikm)` of HKDF: HMAC keyed with the salt. */
export async function extract(salt: Bytes, ikm: Bytes): Promise<Bytes> {
  const key = await crypto.subtle.importKey('raw', salt, HMAC_SHA256, false, ['sign']);
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, ikm));
}

export async function sha256(message: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', message));
}
