/**
 * The throw-away bytes in front of an SFrame object that packetizers and the SFU need (E2EE.md D2, 5.5).
 *
 * Not authenticated and never shown to a decoder: `unwrap` finds the object behind them or says no.
 */
import { concat, type Bytes } from './bytes.ts';
import type { SealedCodec } from './codecs.ts';

const EMPTY: Bytes = new Uint8Array(0);
const VP8_DELTA = 0x11;
const VP8_KEY = [0x10, 0x00, 0x00, 0x9d, 0x01, 0x2a] as const; // RFC 6386 section 9.1: frame tag, start code
const VP8_KEY_BYTES = 10; // and width, height: 2 bytes each
const AV1_SEQUENCE_HEADER = Uint8Array.of(0x0a, 0x01, 0x00); // a 1-byte dummy is enough for key-frame detection
const AV1_FRAME = 0x32; // OBU type 6 with a size field (AV1 section 5.3.2)
const OBU_TYPE_FRAME = 6;
const MAX_OBUS = 8; // before the frame OBU: ours has one, a reassembler may add a temporal delimiter
const MAX_LEB128_BYTES = 8; // AV1 section 4.10.5

/** Object with its shim, or null when `plaintext` is no frame of that codec. */
export function wrap(codec: SealedCodec, plaintext: Uint8Array, isKey: boolean, object: Bytes): Bytes | null {
  switch (codec) {
    case 'opus':
    case 'vp9':
      return object;
    case 'vp8': {
      const shim = vp8Shim(plaintext);
      return shim === null ? null : concat(shim, object);
    }
    case 'av1':
      return concat(isKey ? AV1_SEQUENCE_HEADER : EMPTY, Uint8Array.of(AV1_FRAME), leb128(object.length), object);
    default:
      return codec satisfies never;
  }
}

/** The object behind the shim, as a view; null when the shim is not one of ours. */
export function unwrap(codec: SealedCodec, wire: Bytes): Bytes | null {
  switch (codec) {
    case 'opus':
    case 'vp9':
      return wire;
    case 'vp8':
      return unwrapVp8(wire);
    case 'av1':
      return unwrapAv1(wire);
    default:
      return codec satisfies never;
  }
}

/** Key or delta by the frame's own P bit; only width and height are real. */
function vp8Shim(plaintext: Uint8Array): Uint8Array | null {
  const first = plaintext[0];
  if (first === undefined) return null;
  if (first & 1) return Uint8Array.of(VP8_DELTA);
  if (plaintext.length < VP8_KEY_BYTES) return null;
  return concat(Uint8Array.from(VP8_KEY), plaintext.subarray(VP8_KEY.length, VP8_KEY_BYTES));
}

function unwrapVp8(wire: Bytes): Bytes | null {
  if (wire[0] === VP8_DELTA) return wire.subarray(1);
  return wire.length >= VP8_KEY_BYTES && VP8_KEY.every((byte, at) => wire[at] === byte) ? wire.subarray(VP8_KEY_BYTES) : null;
}

/** Payload of the first frame OBU. */
function unwrapAv1(wire: Bytes): Bytes | null {
  let at = 0;
  for (let seen = 0; seen < MAX_OBUS; seen++) {
    const header = wire[at];
    if (header === undefined || header & 0x80) return null; // the forbidden bit
    at += header & 0x04 ? 2 : 1; // extension flag
    let end = wire.length;
    if (header & 0x02) {
      const size = readLeb128(wire, at);
      if (size === null) return null;
      at = size.next;
      end = at + size.value;
    }
    if (at > wire.length || end > wire.length) return null;
    if (((header >> 3) & 15) === OBU_TYPE_FRAME) return wire.subarray(at, end);
    at = end;
  }
  return null;
}

function leb128(value: number): Uint8Array {
  const out: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    out.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return Uint8Array.from(out);
}

function readLeb128(wire: Uint8Array, start: number): { value: number; next: number } | null {
  let value = 0;
  for (let i = 0; i < MAX_LEB128_BYTES; i++) {
    const byte = wire[start + i];
    if (byte === undefined) return null;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (!(byte & 0x80)) return { value, next: start + i + 1 };
  }
  return null;
}
