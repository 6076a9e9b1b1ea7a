/**
 * All media keys of one worker: our own sending keys, and those of the members we can hear.
 *
 * Replay windows outlive their keys: if a member leaves and the same announcement is installed again,
 * what was already seen stays refused.
 */
import { OpenStream, SealStream } from './sframe/context.ts';
import type { BaseKey } from './sframe/keys.ts';
import { ReplayWindow } from './sframe/replay.ts';
import { EPOCH_MASK, kidOf } from './sframe/v1.ts';

export const MAX_MEMBERS = 256; // E2EE.md 5.3 P7
const MAX_REMEMBERED = 4096; // announcements whose windows are kept; 4 contexts of about 1 KiB each

/** Who a key belongs to. `leaf` is what the KID carries. */
export interface MemberId {
  readonly pid: string;
  readonly leaf: number;
}

/** A member's base key as the key exchange hands it over. `origin` names the announcement it came from. */
export interface Installed {
  readonly member: MemberId;
  readonly epoch: number;
  readonly baseKey: BaseKey;
  readonly origin: string;
}

type Windows = Map<number, ReplayWindow>;

export class RemoteSender {
  readonly #installed: Installed;
  readonly #windows: Windows;
  readonly #streams = new Map<number, Promise<OpenStream>>();

  constructor(installed: Installed, windows: Windows) {
    this.#installed = installed;
    this.#windows = windows;
  }

  get pid(): string {
    return this.#installed.member.pid;
  }

  get leaf(): number {
    return this.#installed.member.leaf;
  }

  get origin(): string {
    return this.#installed.origin;
  }

  get epoch(): number {
    return this.#installed.epoch;
  }

  /** The same object for the life of the key. `ctx` is already known to be in range. */
  stream(ctx: number): Promise<OpenStream> {
    let stream = this.#streams.get(ctx);
    if (stream === undefined) {
      stream = this.#derive(ctx);
      this.#streams.set(ctx, stream);
    }
    return stream;
  }

  async #derive(ctx: number): Promise<OpenStream> {
    const window = this.#windows.get(ctx) ?? new ReplayWindow();
    this.#windows.set(ctx, window);
    return new OpenStream(await this.#installed.baseKey.frameKey(kidOf(ctx, this.leaf, this.epoch)), window);
  }
}

export class KeyRing {
  readonly #live: ReadonlySet<number>;
  readonly #byPid = new Map<string, RemoteSender>();
  readonly #byLeaf = new Map<number, RemoteSender>();
  readonly #remembered = new Map<string, Windows>();
  readonly #latest = new Map<string, string>();
  readonly #own = new Map<number, SealStream>();
  #self: MemberId | null = null;

  /** `liveEpochs`: low 4 bits of the epochs in which a key can exist at all. */
  constructor(liveEpochs: Iterable<number>) {
    this.#live = new Set(liveEpochs);
  }

  get self(): MemberId | null {
    return this.#self;
  }

  /** Streams of a fresh base key, one per context. A key that sealed anything must never be passed twice. */
  async setOwn(installed: Installed, contexts: readonly number[]): Promise<void> {
    const { member, epoch, baseKey } = installed;
    const streams: [number, SealStream][] = [];
    for (const ctx of contexts) {
      const kid = kidOf(ctx, member.leaf, epoch);
      streams.push([ctx, new SealStream(kid, await baseKey.frameKey(kid))]);
    }
    this.#self = member;
    this.#own.clear();
    for (const [ctx, stream] of streams) this.#own.set(ctx, stream);
  }

  ownStream(ctx: number): SealStream | null {
    return this.#own.get(ctx) ?? null;
  }

  /**
   * False: our own pid or leaf, a leaf that someone else holds, a full room, or an announcement that its
   * member has already replaced. The one in use, again, changes nothing.
   */
  install(installed: Installed): boolean {
    const { member, origin, epoch } = installed;
    const before = this.#byPid.get(member.pid);
    if (before?.origin === origin) return true;
    if (member.pid === this.#self?.pid || member.leaf === this.#self?.leaf) return false;
    if (this.#remembered.has(origin) && this.#latest.get(member.pid) !== origin) return false;
    const slot = slotOf(member.leaf, epoch);
    const holder = this.#byLeaf.get(slot);
    if (holder !== undefined && holder.pid !== member.pid) return false;
    if (before === undefined && this.#byPid.size >= MAX_MEMBERS) return false;
    this.forget(member.pid);
    const sender = new RemoteSender(installed, this.#windowsOf(installed));
    this.#byPid.set(member.pid, sender);
    this.#byLeaf.set(slot, sender);
    return true;
  }

  /** Erases the key. What its windows have seen is kept. */
  forget(pid: string): void {
    const sender = this.#byPid.get(pid);
    if (sender === undefined) return;
    this.#byPid.delete(pid);
    this.#byLeaf.delete(slotOf(sender.leaf, sender.epoch));
  }

  isLive(epoch: number): boolean {
    return this.#live.has(epoch);
  }

  find(leaf: number, epoch: number): RemoteSender | null {
    return this.#byLeaf.get(slotOf(leaf, epoch)) ?? null;
  }

  clear(): void {
    this.#byPid.clear();
    this.#byLeaf.clear();
    this.#own.clear();
    this.#remembered.clear();
    this.#latest.clear();
    this.#self = null;
  }

  #windowsOf({ member, origin }: Installed): Windows {
    const windows: Windows = this.#remembered.get(origin) ?? new Map();
    this.#remembered.delete(origin); // and to the end again: the map is in order of last use
    this.#remembered.set(origin, windows);
    this.#latest.set(member.pid, origin);
    if (this.#remembered.size > MAX_REMEMBERED) this.#dropOldest();
    return windows;
  }

  #dropOldest(): void {
    const inUse = new Set([...this.#byPid.values()].map((sender) => sender.origin));
    for (const origin of this.#remembered.keys()) {
      if (inUse.has(origin)) continue;
      this.#remembered.delete(origin);
      for (const [pid, latest] of this.#latest) if (latest === origin) this.#latest.delete(pid);
      return;
    }
  }
}

function slotOf(leaf: number, epoch: number): number {
  return (leaf << 4) | (epoch & EPOCH_MASK);
}
