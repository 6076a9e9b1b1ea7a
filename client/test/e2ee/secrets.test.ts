import { describe, expect, it } from 'vitest';
import { fromBase64url, toBase64url, utf8 } from '../../src/e2ee/bytes.ts';
import { InterimKeys } from '../../src/e2ee/interim.ts';
import { extract, importIkm, hkdf } from '../../src/e2ee/kdf.ts';
import { cleanName, openName, sealName } from '../../src/e2ee/names.ts';
import { deriveRoomSecrets, SecretRefused } from '../../src/e2ee/room_secrets.ts';
import { bytes, draftVectors, hex } from './vectors.ts';

const { room } = draftVectors();
const secret = (): Uint8Array<ArrayBuffer> => bytes(room.link_secret);
const PID = 'AAAAAAAAAAc';

describe('room secrets (E2EE.md 5.1)', () => {
  it('match the vectors', async () => {
    const derived = await deriveRoomSecrets(room.room_id, secret());
    expect(hex(derived.roomTag)).toBe(room.room_tag);
    expect(hex(await extract(derived.roomTag, secret()))).toBe(room.link_prk);
    const message = utf8('x');
    const theirs = await crypto.subtle.importKey('raw', bytes(room.join_key), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
    const mac = await crypto.subtle.sign('HMAC', theirs, message);
    expect(await crypto.subtle.verify('HMAC', derived.joinKey, mac, message)).toBe(true);
    const fromPrk = await hkdf(derived.linkPrk, utf8('s'), utf8('i'), 16);
    expect(hex(fromPrk)).toBe(hex(await hkdf(await importIkm(bytes(room.link_prk)), utf8('s'), utf8('i'), 16)));
  });

  it('wipe the secret they were given', async () => {
    const given = secret();
    await deriveRoomSecrets(room.room_id, given);
    expect(hex(given)).toBe('00'.repeat(32));
  });

  it.each([0, 16, 31, 33])('T16: a secret of %d bytes is refused', async (size) => {
    await expect(deriveRoomSecrets('r', new Uint8Array(size))).rejects.toBeInstanceOf(SecretRefused);
  });
});

describe('announcements (E2EE.md 5.4b)', () => {
  async function keys(name: string = room.room_id, flip = 0): Promise<InterimKeys> {
    const raw = secret();
    raw[31] = (raw[31] ?? 0) ^ flip;
    return new InterimKeys(await deriveRoomSecrets(name, raw));
  }

  it('verify for their pid and leaf only', async () => {
    const { announcement, installed } = await (await keys()).draw({ pid: PID, leaf: 7 });
    const other = await keys();
    expect((await other.verify({ pid: PID, leaf: 7 }, announcement))?.origin).toBe(installed.origin);
    expect(await other.verify({ pid: PID, leaf: 8 }, announcement)).toBeNull();
    expect(await other.verify({ pid: 'AAAAAAAAAAg', leaf: 7 }, announcement)).toBeNull();
  });

  it('T32: a link secret that differs by one bit verifies nothing', async () => {
    const { announcement } = await (await keys()).draw({ pid: PID, leaf: 7 });
    expect(await (await keys(room.room_id, 1)).verify({ pid: PID, leaf: 7 }, announcement)).toBeNull();
  });

  it('T12: another room with the same secret verifies nothing', async () => {
    const { announcement } = await (await keys()).draw({ pid: PID, leaf: 7 });
    expect(await (await keys('other-room')).verify({ pid: PID, leaf: 7 }, announcement)).toBeNull();
  });

  it('T25: no two draws are alike', async () => {
    const all = await keys();
    const drawn = await Promise.all(Array.from({ length: 50 }, () => all.draw({ pid: PID, leaf: 7 })));
    expect(new Set(drawn.map(({ installed }) => installed.origin)).size).toBe(50);
  });

  it('every changed byte, every cut and other versions are refused', async () => {
    const all = await keys();
    const { announcement } = await all.draw({ pid: PID, leaf: 7 });
    const raw = fromBase64url(announcement);
    if (raw === null) throw new Error('not base64url');
    for (let at = 0; at < raw.length; at++) {
      const changed = raw.slice();
      changed[at] = (changed[at] ?? 0) ^ 0x10;
      expect(await all.verify({ pid: PID, leaf: 7 }, toBase64url(changed))).toBeNull();
    }
    for (const cut of [0, 1, 33, 64]) expect(await all.verify({ pid: PID, leaf: 7 }, toBase64url(raw.subarray(0, cut)))).toBeNull();
    expect(await all.verify({ pid: PID, leaf: 7 }, `${announcement}=`)).toBeNull();
    expect(await all.verify({ pid: PID, leaf: 7 }, 'no base64!')).toBeNull();
  });

  it.each([['', 7], ['AAAA', 7], [PID, -1], [PID, 1024], [PID, 0.5]])('pid %j leaf %d cannot join', async (pid, leaf) => {
    await expect((await keys()).draw({ pid, leaf })).rejects.toThrow(RangeError);
  });
});

describe('names', () => {
  const nameKey = async (): Promise<CryptoKey> => (await deriveRoomSecrets(room.room_id, secret())).nameKey;

  it('come back, and never look the same twice', async () => {
    const key = await nameKey();
    const sealed = await sealName(key, 'Zo\u00eb \u{1F44B}');
    expect(await openName(key, sealed)).toBe('Zo\u00eb \u{1F44B}');
    expect(await sealName(key, 'Zo\u00eb \u{1F44B}')).not.toBe(sealed);
  });

  it('use Expand(link_prk, P "name", 16)', async () => {
    const prk = await crypto.subtle.importKey('raw', bytes(room.link_prk), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
    const info = Uint8Array.from([...utf8('SFU-E2EE v1 name'), 1]); // RFC 5869 section 2.3: T(1)
    const raw = new Uint8Array(await crypto.subtle.sign('HMAC', prk, info)).slice(0, 16);
    const plain = await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['decrypt']);
    const sealed = fromBase64url(await sealName(await nameKey(), 'Ann'));
    if (sealed === null) throw new Error('not base64url');
    const opened = await crypto.subtle.decrypt({ name: 'AES-GCM', iv: sealed.slice(0, 12) }, plain, sealed.slice(12));
    expect(new TextDecoder().decode(opened)).toBe('Ann');
  });

  it('T1: a changed byte, a cut, a foreign key, a huge one: no name', async () => {
    const key = await nameKey();
    const raw = fromBase64url(await sealName(key, 'Ann'));
    if (raw === null) throw new Error('not base64url');
    for (let at = 0; at < raw.length; at++) {
      const changed = raw.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(await openName(key, toBase64url(changed))).toBeNull();
    }
    for (const cut of [0, 12, 27]) expect(await openName(key, toBase64url(raw.subarray(0, cut)))).toBeNull();
    const foreign = (await deriveRoomSecrets('other', secret())).nameKey;
    expect(await openName(foreign, toBase64url(raw))).toBeNull();
    expect(await openName(key, 'A'.repeat(100_000))).toBeNull();
    expect(await openName(key, '')).toBeNull();
  });

  it('are cleaned again after opening, whatever was sealed', async () => {
    const key = await nameKey();
    const nonce = new Uint8Array(12);
    const hostile = utf8(`\u202eevil\u0000\u2066 ${'x'.repeat(80)}`);
    const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-GCM', iv: nonce }, key, hostile));
    const opened = await openName(key, toBase64url(Uint8Array.from([...nonce, ...sealed])));
    expect(opened).toBe(`evil ${'x'.repeat(59)}`);
  });

  it.each([
    ['controls and marks', 'a\u0007\u200fb\u2069\u061c\ufeff', 'ab'],
    ['spaces of all kinds', ' \u3000a \u00a0\u2003b\u202f ', 'a b'],
    ['a joined emoji stays whole', '\u{1F468}\u200d\u{1F469}', '\u{1F468}\u200d\u{1F469}'],
    ['lone surrogates', 'a\ud800b', 'ab'],
    ['only marks', '\u200e\u202a', ''],
    ['64 characters, not 64 units', '\u{1F600}'.repeat(70), '\u{1F600}'.repeat(64)],
  ])('clean: %s', (_name, raw, clean) => {
    expect(cleanName(raw)).toBe(clean);
    expect(cleanName(clean)).toBe(clean);
  });

  it('nothing left is no name', async () => {
    const key = await nameKey();
    expect(await openName(key, await sealName(key, '\u200e'))).toBeNull();
  });
});

describe('base64url', () => {
  it('is the one of RFC 4648', () => {
    for (let size = 0; size < 70; size++) {
      const raw = Uint8Array.from({ length: size }, (_, at) => (at * 37 + size) & 255);
      expect(toBase64url(raw)).toBe(Buffer.from(raw).toString('base64url'));
      expect(fromBase64url(toBase64url(raw))).toEqual(raw);
    }
  });

  it.each(['A', 'AB=', 'A B', 'AB+/', 'AB', '\u00c4A'])('%j is not canonical', (text) => expect(fromBase64url(text)).toBeNull());
});
