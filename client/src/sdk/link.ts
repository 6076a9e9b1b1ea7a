/** Room links: `/r/ROOM#k=<secret>&i=<invite>`. The fragment never leaves the browser (DESIGN section 8). */
import { type RoomLink, SottoError } from './types';

export const SECRET_BYTES = 32;
export const NAME_LENGTH = 64;
const ROOM = /^[a-z0-9-]{1,64}$/;

/**
 * Read a room link.
 *
 * @throws SottoError `link.no_secret` when the secret is missing or cut short, `link.invalid` when the
 * address is no room at all.
 */
export function parseRoomLink(url: URL): RoomLink {
  const room = /^\/r\/([^/]+)\/?$/.exec(url.pathname)?.[1] ?? '';
  if (!ROOM.test(room)) throw new SottoError('link.invalid', 'a room link looks like /r/ROOM#k=...');
  const fragment = new URLSearchParams(url.hash.slice(1));
  const secret = fromBase64Url(fragment.get('k') ?? '');
  if (secret === null || secret.length !== SECRET_BYTES) {
    throw new SottoError('link.no_secret', `the part after # must hold k= with ${SECRET_BYTES} bytes`);
  }
  return {
    room,
    secret,
    invite: fragment.get('i'),
    name: cleanName(fragment.get('name') ?? '') || null,
    autojoin: fragment.get('autojoin') === '1',
  };
}

/** Write a room link. `base` is the server's origin. */
export function formatRoomLink(base: string, room: string, secret: Uint8Array, invite: string | null): string {
  const url = new URL(`/r/${room}`, base);
  url.hash = `k=${toBase64Url(secret)}${invite === null ? '' : `&i=${invite}`}`;
  return url.href;
}

/** A new link secret: 256 random bits, made here and nowhere else. */
export function newSecret(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
}

/** A room name nobody has: three groups a person can read out (about 60 bits, so that none collide). */
export function newRoomName(): string {
  const letters = 'abcdefghijkmnpqrstuvwxyz23456789'; // 32 of them: no l, o, 0, 1
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  const text = Array.from(bytes, (byte) => letters[byte % letters.length]).join('');
  return `${text.slice(0, 4)}-${text.slice(4, 8)}-${text.slice(8)}`;
}

/** A display name as we keep it: no control or direction marks, single spaces, at most 64 characters. */
export function cleanName(text: string): string {
  const plain = text.normalize('NFC').replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu, ' ');
  return Array.from(plain.replace(/\s+/gu, ' ').trim()).slice(0, NAME_LENGTH).join('');
}

export function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** Null for anything that is not base64url. */
export function fromBase64Url(text: string): Uint8Array | null {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return null;
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}
