/**
 * Interim keys (E2EE.md 5.4b), until group keys land: the only file that knows how members agree on keys.
 *
 * Each worker draws a random `start`; the sender's base key follows from it, the link secret and the pid.
 * Members learn it in an announcement `01 || start || HMAC(join_key, pid || leaf || start)`. Group keys
 * replace this class; what it hands over (`Installed`) stays.
 *
 * Limits: no forward secrecy for those who hold the link, and no protection against replay of a whole
 * earlier call (announcements included) by the server. See docs/e2ee.md.
 */
import { bigEndian, concat, fromBase64url, toBase64url, type Bytes } from './bytes.ts';
import { hkdf } from './kdf.ts';
import type { Installed, MemberId } from './key_ring.ts';
import { label, type RoomSecrets } from './room_secrets.ts';
import { BaseKey } from './sframe/keys.ts';
import { MAX_LEAF } from './sframe/v1.ts';

export const INTERIM_EPOCH = 0;

const START_BYTES = 32;
const MAC_BYTES = 32;
const PID_BYTES = 8;
const ANNOUNCEMENT = 1; // first byte; others are left for the messages of the group key protocol
const ZERO: Bytes = new Uint8Array(1);
const BASE_KEY_BYTES = 16;

export interface OwnKey {
  readonly installed: Installed;
  /** What to send to all members, late joiners too. */
  readonly announcement: string;
}

export class InterimKeys {
  readonly #secrets: RoomSecrets;

  constructor(secrets: RoomSecrets) {
    this.#secrets = secrets;
  }

  /** A key that no one has used: its `start` is drawn here. Throws RangeError for an impossible pid or leaf. */
  async draw(self: MemberId): Promise<OwnKey> {
    const start = crypto.getRandomValues(new Uint8Array(START_BYTES));
    const claim = claimOf(self, start);
    if (claim === null) throw new RangeError('pid or leaf is malformed');
    const mac = new Uint8Array(await crypto.subtle.sign('HMAC', this.#secrets.joinKey, claim));
    return {
      installed: await this.#installed(self, start),
      announcement: toBase64url(concat(Uint8Array.of(ANNOUNCEMENT), start, mac)),
    };
  }

  /** Null: malformed, or made by someone without the link secret, or for another pid or leaf. */
  async verify(from: MemberId, announcement: string): Promise<Installed | null> {
    const bytes = fromBase64url(announcement);
    if (bytes === null || bytes.length !== 1 + START_BYTES + MAC_BYTES || bytes[0] !== ANNOUNCEMENT) return null;
    const start = bytes.subarray(1, 1 + START_BYTES);
    const claim = claimOf(from, start);
    if (claim === null) return null;
    const mac = bytes.subarray(1 + START_BYTES);
    const isTheirs = await crypto.subtle.verify('HMAC', this.#secrets.joinKey, mac, claim);
    return isTheirs ? this.#installed(from, start) : null;
  }

  async #installed(member: MemberId, start: Bytes): Promise<Installed> {
    const pid = fromBase64url(member.pid) ?? ZERO;
    const info = concat(label('interim'), ZERO, pid);
    const raw = await hkdf(this.#secrets.linkPrk, start, info, BASE_KEY_BYTES);
    return {
      member,
      epoch: INTERIM_EPOCH,
      baseKey: await BaseKey.import(raw),
      origin: `${member.pid}/${member.leaf}/${toBase64url(start)}`,
    };
  }
}

/** `pid(8) || leaf(4) || start(32)`: every field of fixed length, so no two claims share bytes. */
function claimOf(member: MemberId, start: Bytes): Bytes | null {
  const pid = fromBase64url(member.pid);
  if (pid === null || pid.length !== PID_BYTES) return null;
  if (!Number.isInteger(member.leaf) || member.leaf < 0 || member.leaf > MAX_LEAF) return null;
  return concat(pid, bigEndian(member.leaf, 4), start);
}
