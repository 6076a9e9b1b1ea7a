/** What follows from a room's name and its link secret (E2EE.md 5.1). */
import { concat, utf8, type Bytes } from './bytes.ts';
import { extract, hkdfAesGcm, hkdfHmac, importIkm, sha256 } from './kdf.ts';

export const LINK_SECRET_BYTES = 32;

const PREFIX = 'SFU-E2EE v1 '; // trailing space; every label starts with it
const ZERO: Bytes = new Uint8Array(1);

export interface RoomSecrets {
  readonly roomTag: Bytes;
  /** `link_prk = Extract(room_tag, link_secret)`, as input to further derivations only. */
  readonly linkPrk: CryptoKey;
  /** HMAC key that proves knowledge of the link. */
  readonly joinKey: CryptoKey;
  /** AES-GCM key of display names (E2EE.md 5.4b). */
  readonly nameKey: CryptoKey;
}

/** The link secret is missing or not 32 bytes: no low-entropy mode (E2EE.md D8). */
export class SecretRefused extends Error {
  constructor(readonly foundBytes: number) {
    super(`link secret has ${foundBytes} bytes, wanted ${LINK_SECRET_BYTES}`);
    this.name = 'SecretRefused';
  }
}

/** `P label`, as the info of an Expand or the start of a hash. */
export function label(text: string): Bytes {
  return utf8(PREFIX + text);
}

/** Throws SecretRefused. Wipes `secret`. */
export async function deriveRoomSecrets(room: string, secret: Bytes): Promise<RoomSecrets> {
  if (secret.length !== LINK_SECRET_BYTES) throw new SecretRefused(secret.length);
  const roomTag = await sha256(concat(label('room'), ZERO, utf8(room)));
  const ikm = await importIkm(secret);
  const prk = await extract(roomTag, secret);
  secret.fill(0);
  const linkPrk = await importIkm(prk);
  prk.fill(0);
  return {
    roomTag,
    linkPrk,
    // Expand(link_prk, info) = HKDF(salt = room_tag, ikm = link_secret, info), which is what WebCrypto offers.
    joinKey: await hkdfHmac(ikm, roomTag, label('join')),
    nameKey: await hkdfAesGcm(ikm, roomTag, label('name')),
  };
}
