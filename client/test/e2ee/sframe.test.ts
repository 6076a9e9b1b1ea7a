import { describe, expect, it } from 'vitest';
import { CODEC_IDS } from '../../src/e2ee/codecs.ts';
import { MAX_OBJECTS, metadataOf, OpenStream, openObject, SealStream, sealObject } from '../../src/e2ee/sframe/context.ts';
import { encodeHeader, parseHeader } from '../../src/e2ee/sframe/header.ts';
import { BaseKey, nonceOf, SuiteRefused } from '../../src/e2ee/sframe/keys.ts';
import { ReplayWindow } from '../../src/e2ee/sframe/replay.ts';
import { kidOf, parseV1Header } from '../../src/e2ee/sframe/v1.ts';
import { bytes, draftVectors, headerVectors, hex, suiteVectors } from './vectors.ts';

const DRAFT = draftVectors();

describe('header (RFC 9605 section 4.3)', () => {
  it('has all 289 vectors', () => expect(headerVectors()).toHaveLength(289));

  it.each(headerVectors())('kid $kid ctr $ctr', ({ kid, ctr, encoded }) => {
    expect(hex(encodeHeader(BigInt(kid), BigInt(ctr)))).toBe(encoded);
    const parsed = parseHeader(bytes(`${encoded}ff`));
    if (typeof parsed === 'string') throw new Error(parsed);
    expect([parsed.kid, parsed.ctr, parsed.sizeBytes]).toEqual([BigInt(kid), BigInt(ctr), encoded.length / 2]);
    for (let cut = 0; cut < encoded.length; cut += 2) expect(parseHeader(bytes(encoded.slice(0, cut)))).toBe('short');
  });

  it.each([
    ['kid 7 in a byte', '8007'],
    ['kid with a leading zero', '900042'],
    ['ctr 0 in a byte', '0800'],
    ['ctr 7 in eight bytes', '0f0000000000000007'],
  ])('T6: %s is malformed', (_name, encoded) => expect(parseHeader(bytes(encoded))).toBe('malformed'));

  it('refuses what does not fit', () => {
    expect(() => encodeHeader(2n ** 64n, 0n)).toThrow(RangeError);
    expect(() => encodeHeader(0n, -1n)).toThrow(RangeError);
  });
});

describe('v1 header limits', () => {
  const tag = '00'.repeat(16);
  it.each([
    ['T6: 4-byte KID', `b001000000${tag}`, 'malformed'],
    ['T6: 8-byte KID and CTR', `ff${'01'.repeat(16)}${tag}`, 'malformed'],
    ['T31: 6-byte CTR, 2^40 and more', `0d010000000000${tag}`, 'malformed'],
    ['T6: ctx above 17', `a0048000${tag}`, 'malformed'],
    ['T4: 15 bytes after the header', `00${'00'.repeat(15)}`, 'short'],
  ])('%s -> %s', (_name, encoded, expected) => expect(parseV1Header(bytes(encoded))).toBe(expected));

  it('reads ctx, leaf and epoch', () => {
    const kid = kidOf(2, 513, 19);
    const parsed = parseV1Header(bytes(`${hex(encodeHeader(BigInt(kid), 2n ** 40n - 1n))}${tag}`));
    expect(parsed).toMatchObject({ ctx: 2, leaf: 513, epoch: 3, ctr: 2 ** 40 - 1 });
  });

  it.each([[18, 0], [-1, 0], [0, 1024], [0, 1.5]])('has no KID for ctx %d leaf %d', (ctx, leaf) => {
    expect(() => kidOf(ctx, leaf, 0)).toThrow(RangeError);
  });
});

describe('suites', () => {
  const [suite4] = suiteVectors().filter(({ cipher_suite }) => cipher_suite === 4);
  if (suite4 === undefined) throw new Error('no suite 4 vector');

  it('suite 4 matches RFC 9605 to the bit', async () => {
    const key = await (await BaseKey.import(bytes(suite4.base_key))).frameKey(suite4.kid);
    expect(hex(key.salt)).toBe(suite4.sframe_salt);
    expect(hex(nonceOf(key.salt, suite4.ctr))).toBe(suite4.nonce);
    const sealed = await sealObject(key, suite4.kid, suite4.ctr, bytes(suite4.metadata), bytes(suite4.pt));
    expect(hex(sealed.object)).toBe(suite4.ct);
    const header = parseV1Header(sealed.object);
    if (typeof header === 'string') throw new Error(header);
    const opened = await openObject(key, header, bytes(suite4.metadata), sealed.object);
    expect(opened === null ? null : hex(opened)).toBe(suite4.pt);
  });

  it.each(suiteVectors().filter(({ cipher_suite }) => cipher_suite !== 4).map((v) => [v.cipher_suite, v.base_key] as const))(
    'suite %d is refused', async (suite, baseKey) => {
      await expect(BaseKey.import(bytes(baseKey), suite)).rejects.toBeInstanceOf(SuiteRefused);
    });

  it('has the other seven to refuse', () => expect(suiteVectors()).toHaveLength(8));

  it('wipes the base key and keeps no extractable one', async () => {
    const raw = bytes(suite4.base_key);
    const key = await (await BaseKey.import(raw)).frameKey(0);
    expect(hex(raw)).toBe('00'.repeat(16));
    await expect(crypto.subtle.exportKey('raw', key.aead)).rejects.toThrow();
  });
});

describe('v1 objects', () => {
  it.each(DRAFT.frames)('$name', async (vector) => {
    expect(kidOf(vector.ctx, vector.leaf, vector.epoch)).toBe(vector.kid);
    const key = await (await BaseKey.import(bytes(DRAFT.epoch.base_key))).frameKey(vector.kid);
    expect(hex(key.salt)).toBe(vector.sframe_salt);
    const stream = new SealStream(vector.kid, key, vector.ctr);
    const sealed = await stream.seal(vector.codec_id, bytes(vector.plaintext));
    expect(sealed === null ? null : hex(sealed.object)).toBe(vector.sframe);
    expect(sealed === null ? null : hex(sealed.nonce)).toBe(vector.nonce);
    const object = bytes(vector.sframe);
    const header = parseV1Header(object);
    if (typeof header === 'string') throw new Error(header);
    const opened = await new OpenStream(key, new ReplayWindow()).open(header, vector.codec_id, object);
    expect('plaintext' in opened ? hex(opened.plaintext) : opened).toBe(vector.plaintext);
  });

  it('has 13 of them', () => expect(DRAFT.frames).toHaveLength(13));
});

describe('replay window', () => {
  it('follows the script of the vectors', () => {
    const window = new ReplayWindow();
    expect(DRAFT.replay.sequence_of_ctr.map((ctr) => window.accept(ctr))).toEqual(DRAFT.replay.expect);
  });

  it('T31: a jump of 2^30 is taken once, then the window slides', () => {
    const window = new ReplayWindow();
    const jump = 2 ** 30;
    expect([5, jump, jump, 5, jump - 1023, jump - 1024, 2 ** 40 - 1, jump].map((ctr) => window.accept(ctr))).toEqual([
      'ok', 'ok', 'dup', 'old', 'ok', 'old', 'ok', 'old',
    ]);
  });

  it('agrees with a plain set of everything seen', () => {
    const window = new ReplayWindow();
    const seen = new Set<number>();
    let highest = -1;
    let random = 12345;
    for (let i = 0; i < 20_000; i++) {
      random = (random * 1103515245 + 12345) % 2 ** 31;
      const ctr = Math.max(0, highest + (random % 1400) - 1200);
      const expected = highest - ctr >= 1024 ? 'old' : seen.has(ctr) ? 'dup' : 'ok';
      expect(window.check(ctr)).toBe(expected);
      expect(window.accept(ctr)).toBe(expected);
      if (expected === 'ok') seen.add(ctr);
      highest = Math.max(highest, ctr);
    }
  });
});

describe('streams', () => {
  async function pair(): Promise<{ seal: SealStream; open: OpenStream }> {
    const base = await BaseKey.import(bytes('0f'.repeat(16)));
    const key = await base.frameKey(kidOf(1, 3, 0));
    return { seal: new SealStream(kidOf(1, 3, 0), key), open: new OpenStream(key, new ReplayWindow()) };
  }

  it('T25: overlapping seals never share a counter', async () => {
    const { seal } = await pair();
    const frame = bytes('0102');
    const sealed = await Promise.all(Array.from({ length: 200 }, () => seal.seal(CODEC_IDS.vp8, frame)));
    expect(new Set(sealed.map((one) => hex(one?.nonce ?? frame))).size).toBe(200);
  });

  it('T31: stops for good when the counter is spent', async () => {
    const key = await (await BaseKey.import(bytes('0f'.repeat(16)))).frameKey(1);
    const stream = new SealStream(1, key, MAX_OBJECTS - 1);
    expect(await stream.seal(1, bytes('01'))).not.toBeNull();
    expect(await stream.seal(1, bytes('01'))).toBeNull();
    expect(await stream.seal(1, bytes('01'))).toBeNull();
  });

  it('T3: two copies opened at once give one plaintext', async () => {
    const { seal, open } = await pair();
    const sealed = await seal.seal(CODEC_IDS.vp8, bytes('0102'));
    if (sealed === null) throw new Error('spent');
    const header = parseV1Header(sealed.object);
    if (typeof header === 'string') throw new Error(header);
    const both = await Promise.all([1, 2].map(() => open.open(header, CODEC_IDS.vp8, sealed.object)));
    expect(both.filter((one) => 'plaintext' in one)).toHaveLength(1);
    expect(both.filter((one) => 'dropped' in one && one.dropped === 'dup')).toHaveLength(1);
  });

  it('a frame that fails does not move the window', async () => {
    const { seal, open } = await pair();
    const sealed = await seal.seal(CODEC_IDS.vp8, bytes('0102'));
    if (sealed === null) throw new Error('spent');
    const forged = sealed.object.slice();
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    const header = parseV1Header(sealed.object);
    if (typeof header === 'string') throw new Error(header);
    expect(await open.open(header, CODEC_IDS.vp8, forged)).toEqual({ dropped: 'auth' });
    expect(await open.open(header, CODEC_IDS.vp8, sealed.object)).toHaveProperty('plaintext');
  });

  it('AAD is header || 01 || codec id', () => expect(hex(metadataOf(0x12))).toBe('0112'));
});
