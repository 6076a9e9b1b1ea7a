/**
 * Display names sealed for members (E2EE.md 5.4b): `base64url(nonce || AES-GCM(name))`, random 12-byte nonce.
 *
 * What comes out was written by someone else: it is cleaned again after opening.
 */
import { concat, fromBase64url, toBase64url, utf8 } from './bytes.ts';

export const MAX_NAME_CHARACTERS = 64;

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const MAX_NAME_BYTES = MAX_NAME_CHARACTERS * 4; // UTF-8
const MAX_SEALED_CHARACTERS = Math.ceil(((NONCE_BYTES + MAX_NAME_BYTES + TAG_BYTES) * 4) / 3);

/** First and last code point of what may not stand in a name: controls, direction marks, invisible separators. */
const STRIPPED: readonly (readonly [number, number])[] = [
  [0x00, 0x1f], [0x7f, 0x9f], [0xad, 0xad], [0x61c, 0x61c], [0x180e, 0x180e], [0x200b, 0x200b], [0x200e, 0x200f],
  [0x2028, 0x202e], [0x2060, 0x206f], [0xd800, 0xdfff], [0xfeff, 0xfeff], [0xfff0, 0xfffb], [0xe0000, 0xe0fff],
];

/** Spaces of all widths become one plain space. */
const SPACES: readonly (readonly [number, number])[] = [
  [0x20, 0x20], [0xa0, 0xa0], [0x1680, 0x1680], [0x2000, 0x200a], [0x202f, 0x202f], [0x205f, 0x205f], [0x3000, 0x3000],
];

/** No controls, no direction marks, single spaces, at most 64 characters (code points). May be empty. */
export function cleanName(raw: string): string {
  const kept: string[] = [];
  for (const character of raw) {
    const point = character.codePointAt(0) ?? 0;
    if (isIn(SPACES, point)) {
      if (kept.length > 0 && kept.at(-1) !== ' ') kept.push(' ');
    } else if (!isIn(STRIPPED, point)) {
      kept.push(character);
    }
  }
  return kept.slice(0, MAX_NAME_CHARACTERS).join('').trimEnd();
}

export async function sealName(key: CryptoKey, name: string): Promise<string> {
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv: nonce }, key, utf8(cleanName(name)));
  return toBase64url(concat(nonce, new Uint8Array(sealed)));
}

/** Null when it was not sealed with this key, or nothing is left of it after cleaning. */
export async function openName(key: CryptoKey, sealed: string): Promise<string | null> {
  if (sealed.length > MAX_SEALED_CHARACTERS) return null;
  const bytes = fromBase64url(sealed);
  if (bytes === null || bytes.length < NONCE_BYTES + TAG_BYTES) return null;
  const params = { name: 'AES-GCM', iv: bytes.subarray(0, NONCE_BYTES) };
  try {
    const opened = await crypto.subtle.decrypt(params, key, bytes.subarray(NONCE_BYTES));
    const name = cleanName(new TextDecoder('utf-8', { fatal: true }).decode(opened));
    return name === '' ? null : name;
  } catch {
    return null; // a wrong tag or broken UTF-8: in either case there is no name to show
  }
}

function isIn(ranges: readonly (readonly [number, number])[], point: number): boolean {
  return ranges.some(([first, last]) => first <= point && point <= last);
}
