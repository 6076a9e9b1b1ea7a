/** The shared vectors (tests/vectors/e2ee), with 64-bit numbers kept whole. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '../../../tests/vectors/e2ee');

export function bytes(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

export function hex(raw: Uint8Array): string {
  return Array.from(raw, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export interface HeaderVector {
  readonly kid: string;
  readonly ctr: string;
  readonly encoded: string;
}

export interface SuiteVector {
  readonly cipher_suite: number;
  readonly kid: number;
  readonly ctr: number;
  readonly base_key: string;
  readonly sframe_salt: string;
  readonly sframe_key: string;
  readonly metadata: string;
  readonly nonce: string;
  readonly pt: string;
  readonly ct: string;
}

export interface FrameVector {
  readonly name: string;
  readonly codec: string;
  readonly codec_id: number;
  readonly frame_type: string | null;
  readonly ctx: number;
  readonly leaf: number;
  readonly epoch: number;
  readonly kid: number;
  readonly ctr: number;
  readonly sframe_salt: string;
  readonly nonce: string;
  readonly header: string;
  readonly plaintext: string;
  readonly sframe: string;
  readonly shim: string;
  readonly wire: string;
  readonly overhead: number;
}

export interface NegativeVector {
  readonly name: string;
  readonly codec: string;
  readonly wire: string;
  readonly expect: string;
}

export interface DraftVectors {
  readonly room: Readonly<Record<'room_id' | 'room_tag' | 'link_secret' | 'link_prk' | 'join_key', string>>;
  readonly epoch: { readonly base_key: string };
  readonly frames: readonly FrameVector[];
  readonly negative: readonly NegativeVector[];
  readonly replay: { readonly window: number; readonly sequence_of_ctr: readonly number[]; readonly expect: readonly string[] };
}

/** Every number of the header section as a decimal string: JSON.parse would round those above 2^53. */
export function headerVectors(): readonly HeaderVector[] {
  const text = read('sframe-rfc9605.json').replace(/"(kid|ctr)":\s*(\d+)/g, '"$1":"$2"');
  return (JSON.parse(text) as { header: HeaderVector[] }).header;
}

export function suiteVectors(): readonly SuiteVector[] {
  const rfc = JSON.parse(read('sframe-rfc9605.json')) as { sframe: SuiteVector[] };
  const draft = JSON.parse(read('sframe-aes256ctr-draft.json')) as { sframe_aes_256_ctr_hmac: SuiteVector[] };
  return [...rfc.sframe, ...draft.sframe_aes_256_ctr_hmac];
}

export function draftVectors(): DraftVectors {
  return JSON.parse(read('e2ee-v1-draft.json')) as DraftVectors;
}

function read(name: string): string {
  return readFileSync(join(FOLDER, name), 'utf8');
}
