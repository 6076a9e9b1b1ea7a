/**
 * The SFrame header (RFC 9605 section 4.3): `X KKK Y CCC`, then KID, then CTR, big-endian, minimal length.
 *
 * KID and CTR are bigints here because the format allows 64 bits; `v1.ts` narrows them.
 */
import type { Bytes } from '../bytes.ts';

export interface SFrameHeader {
  readonly kid: bigint;
  readonly ctr: bigint;
  /** Bytes after the config byte; 0 when the value is inline. */
  readonly kidBytes: number;
  readonly ctrBytes: number;
  /** Of the whole header, 1..17. */
  readonly sizeBytes: number;
}

/** `short`: the bytes end inside the header. `malformed`: a value is not in its minimal form. */
export type HeaderError = 'short' | 'malformed';

const INLINE_MAX = 7n;
const FIELD_MAX = 2n ** 64n - 1n;
const EXTENDED = 0x8; // X and Y: the value follows, KKK and CCC are its length - 1

/** Throws RangeError for values that do not fit 64 bits. */
export function encodeHeader(kid: bigint, ctr: bigint): Bytes {
  const kidField = encodeField(kid);
  const ctrField = encodeField(ctr);
  return Uint8Array.from([(kidField.nibble << 4) | ctrField.nibble, ...kidField.bytes, ...ctrField.bytes]);
}

export function parseHeader(object: Uint8Array): SFrameHeader | HeaderError {
  const config = object[0];
  if (config === undefined) return 'short';
  const kidBytes = followingBytes(config >> 4);
  const ctrBytes = followingBytes(config & 0xf);
  const sizeBytes = 1 + kidBytes + ctrBytes;
  if (object.length < sizeBytes) return 'short';
  const kid = readField(config >> 4, object.subarray(1, 1 + kidBytes));
  const ctr = readField(config & 0xf, object.subarray(1 + kidBytes, sizeBytes));
  if (kid === null || ctr === null) return 'malformed';
  return { kid, ctr, kidBytes, ctrBytes, sizeBytes };
}

function followingBytes(nibble: number): number {
  return nibble & EXTENDED ? (nibble & 7) + 1 : 0;
}

/** Null when a shorter form would have held the value: each value has one spelling. */
function readField(nibble: number, bytes: Uint8Array): bigint | null {
  if (!(nibble & EXTENDED)) return BigInt(nibble & 7);
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return bytes[0] === 0 || value <= INLINE_MAX ? null : value;
}

function encodeField(value: bigint): { nibble: number; bytes: number[] } {
  if (value < 0n || value > FIELD_MAX) throw new RangeError('an SFrame field holds 0 to 2^64-1');
  if (value <= INLINE_MAX) return { nibble: Number(value), bytes: [] };
  const bytes: number[] = [];
  for (let rest = value; rest > 0n; rest >>= 8n) bytes.unshift(Number(rest & 0xffn));
  return { nibble: EXTENDED | (bytes.length - 1), bytes };
}
