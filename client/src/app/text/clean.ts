/**
 * Text that came from somebody else, made safe to lay out: names, device labels, room names. Pure.
 *
 * It is shown as text nodes only, so this is not about scripts; it is about names that hide, reverse or
 * smear what stands beside them.
 */
export const NAME_MAX_CHARACTERS = 64;

// Control, format (direction marks, soft hyphen), surrogate halves, line and paragraph separators. The two
// joiners stay: emoji and several scripts need them.
const UNWANTED = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const STACKED_MARKS = /(\p{M}{3})\p{M}+/gu;

export function cleanName(raw: string, most = NAME_MAX_CHARACTERS): string {
  const spaced = raw.replace(/[\t\n\r\u2028\u2029]/g, ' ');
  const plain = spaced.normalize('NFC').replace(UNWANTED, '').replace(STACKED_MARKS, '$1');
  const short = Array.from(plain.replace(/\s+/gu, ' ').trim()).slice(0, most).join('');
  return short.replace(/^[\u200c\u200d]+|[\s\u200c\u200d]+$/gu, '');
}

/** What to call somebody: their name, or a word when it could not be opened. */
export function shownName(name: string): string {
  return cleanName(name) || 'Someone';
}

/** The first word of a name, for sentences about its owner. */
export function firstName(name: string): string {
  return shownName(name).split(' ')[0] ?? 'Someone';
}

/** Up to two letters for a tile without a picture. */
export function initials(name: string): string {
  const words = shownName(name).split(' ');
  const ends = words.length > 1 ? [words[0], words[words.length - 1]] : [words[0]];
  return ends.map((word) => firstGrapheme(word ?? '').toLocaleUpperCase()).join('');
}

function firstGrapheme(word: string): string {
  const segments = new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(word);
  for (const { segment } of segments) return segment;
  return '';
}

/** One of the six dark grounds of tiles without a picture, always the same for one key. */
export function groundOf(key: string): number {
  let hash = 0;
  for (const character of key) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  return hash % 6;
}

/** `monday-studio` as a title: `Monday studio`. */
export function roomTitle(room: string): string {
  const words = cleanName(room.replace(/-+/g, ' '));
  return words.charAt(0).toLocaleUpperCase() + words.slice(1);
}

/** A duration as a clock: `06:12`, `1:02:03`. */
export function clock(elapsedMs: number): string {
  const seconds = Math.max(0, Math.floor(elapsedMs / 1000));
  const two = (n: number): string => String(n).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return `${hours > 0 ? `${hours}:` : ''}${two(minutes)}:${two(seconds % 60)}`;
}
