/** The KID and the limits of the v1 profile (E2EE.md 5.5): `KID = ctx << 14 | leaf << 4 | (epoch & 15)`. */
import { parseHeader, type HeaderError } from './header.ts';
import { TAG_BYTES } from './keys.ts';

export const MAX_LEAF = 1023;
export const MAX_CTX = 17;
export const EPOCH_MASK = 15;

const MAX_KID_BYTES = 3;
const MAX_CTR_BYTES = 5;

/** Who, what and which one, read from an object before it is authenticated. */
export interface V1Header {
  readonly kid: number;
  readonly ctx: number;
  readonly leaf: number;
  /** The low 4 bits. */
  readonly epoch: number;
  readonly ctr: number;
  readonly sizeBytes: number;
}

/** Throws RangeError outside the profile. */
export function kidOf(ctx: number, leaf: number, epoch: number): number {
  if (!isUpTo(ctx, MAX_CTX)) throw new RangeError(`ctx ${ctx} is not in 0..${MAX_CTX}`);
  if (!isUpTo(leaf, MAX_LEAF)) throw new RangeError(`leaf ${leaf} is not in 0..${MAX_LEAF}`);
  return (ctx << 14) | (leaf << 4) | (epoch & EPOCH_MASK);
}

/** All hard checks on form: whole header and tag present, minimal, KID <= 3 bytes, CTR <= 5 bytes, known ctx. */
export function parseV1Header(object: Uint8Array): V1Header | HeaderError {
  const header = parseHeader(object);
  if (typeof header === 'string') return header;
  if (object.length < header.sizeBytes + TAG_BYTES) return 'short';
  if (header.kidBytes > MAX_KID_BYTES || header.ctrBytes > MAX_CTR_BYTES) return 'malformed';
  const kid = Number(header.kid);
  const ctx = kid >> 14;
  if (ctx > MAX_CTX) return 'malformed';
  return {
    kid,
    ctx,
    leaf: (kid >> 4) & MAX_LEAF,
    epoch: kid & EPOCH_MASK,
    ctr: Number(header.ctr),
    sizeBytes: header.sizeBytes,
  };
}

function isUpTo(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}
