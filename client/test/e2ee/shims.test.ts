import { describe, expect, it } from 'vitest';
import { codecOf, type SealedCodec } from '../../src/e2ee/codecs.ts';
import { unwrap, wrap } from '../../src/e2ee/shims.ts';
import { bytes, draftVectors, hex } from './vectors.ts';

const FRAMES = draftVectors().frames;
const NONE = new Map<number, string>();

describe('shims', () => {
  const ours = FRAMES.filter(({ codec }) => codecOf({ mimeType: codec }, NONE) !== null);

  it('cover opus, VP8, VP9 and AV1 of the vectors', () => expect(ours).toHaveLength(8));

  it.each(ours)('$name', (vector) => {
    const codec = codecOf({ mimeType: vector.codec }, NONE) as SealedCodec; // filtered above
    const wire = wrap(codec, bytes(vector.plaintext), vector.frame_type === 'key', bytes(vector.sframe));
    expect(wire === null ? null : hex(wire)).toBe(vector.wire);
    const object = unwrap(codec, bytes(vector.wire));
    expect(object === null ? null : hex(object)).toBe(vector.sframe);
    expect(vector.wire.length / 2 - vector.plaintext.length / 2).toBe(vector.overhead);
  });

  it.each(['video/H264', 'video/H265', 'audio/red', 'audio/PCMU', '', 'data'])('R5: %s is refused', (mimeType) => {
    expect(codecOf({ mimeType }, NONE)).toBeNull();
  });

  it('uses the payload type only where the frame has no mimeType', () => {
    const types = new Map([[96, 'video/VP8']]);
    expect(codecOf({ payloadType: 96 }, types)).toBe('vp8');
    expect(codecOf({ payloadType: 97 }, types)).toBeNull();
    expect(codecOf({ payloadType: 96, mimeType: 'video/VP9' }, types)).toBe('vp9');
    expect(codecOf({ payloadType: 96, mimeType: 'video/H264' }, types)).toBeNull();
    expect(codecOf({}, types)).toBeNull();
  });

  it('a VP8 key frame without its size has no shim', () => {
    expect(wrap('vp8', bytes('7037009d012a4001f0'), true, bytes('00'))).toBeNull();
    expect(wrap('vp8', bytes(''), true, bytes('00'))).toBeNull();
  });

  it('finds the AV1 frame behind a temporal delimiter, and with an extension byte', () => {
    expect(hex(unwrap('av1', bytes('12000a01003202aabb')) ?? bytes('00'))).toBe('aabb');
    expect(hex(unwrap('av1', bytes('360002aabb')) ?? bytes('00'))).toBe('aabb');
    expect(hex(unwrap('av1', bytes('30aabb')) ?? bytes('00'))).toBe('aabb');
  });

  it.each([
    ['nothing', ''],
    ['no frame OBU', '0a0100'],
    ['size beyond the end', '3205aabb'],
    ['forbidden bit', 'b202aabb'],
    ['endless leb128', `32${'ff'.repeat(9)}`],
    ['a size of 2^56', '32ffffffffffffff7f'],
    ['leb128 cut', '3280'],
    ['nine OBUs before it', `${'1200'.repeat(9)}3201aa`],
  ])('AV1: %s is no shim', (_name, wire) => expect(unwrap('av1', bytes(wire))).toBeNull());

  it.each([['plaintext delta', 'd11400be'], ['a key shim cut short', '1000009d01'], ['wrong start code', '1000009d012b4001f000aa']])(
    'VP8: %s is no shim', (_name, wire) => expect(unwrap('vp8', bytes(wire))).toBeNull());

  it('long frames get a long leb128 and come back', () => {
    for (const size of [127, 128, 16_383, 16_384, 300_000]) {
      const object = new Uint8Array(size).fill(7);
      const wire = wrap('av1', bytes('12'), false, object);
      expect(wire === null ? null : unwrap('av1', wire)?.length).toBe(size);
    }
  });
});
