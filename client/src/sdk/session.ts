/**
 * One stay in a room: signalling, media connection and keys together, from `join` until they end.
 *
 * A lost socket is taken up again (`resume`) while media flows on. When that cannot be, the owner
 * throws the session away and makes a new one: new keys, new pid, same devices.
 */
import { E2eeController, type E2eeEvents } from '../e2ee/controller';
import type { IceServer, Joined, Member, Resumed, SeatState } from '../protocol/messages.gen';
import { CAPABILITIES, PROTOCOL_VERSION } from '../protocol/messages.gen';
import { MediaConnection, type PathState } from './media_connection';
import { CONTEXTS } from './people';
import { type Pushed, Refusal, Signalling } from './signalling';
import { decodableCodecs } from './transceivers';
import type { RoomLink, SourceKind, ViewWant } from './types';
import { SottoError } from './types';

export interface TrackState {
  readonly source: SourceKind;
  readonly active: boolean;
  readonly muted: boolean;
}

export interface SessionEvents extends E2eeEvents {
  roster(joined: readonly Member[], updated: readonly Member[], left: readonly string[]): void;
  snapshot(members: readonly Member[]): void;
  seats(seats: readonly SeatState[]): void;
  levels(levels: readonly { pid: string; level: number }[], speaker: string | null): void;
  keyed(pid: string): void;
  path(state: PathState): void;
  socketLost(): void;
  closing(code: string, text: string, action: string): void;
}

export interface SessionOptions {
  readonly link: RoomLink;
  readonly name: string;
  readonly server: string;
  readonly seats: number;
  readonly tracks: readonly TrackState[];
  readonly events: SessionEvents;
}

export class Session {
  readonly media: MediaConnection;
  readonly e2ee: E2eeController;
  readonly #options: SessionOptions;
  readonly #leaves = new Map<string, number>();
  /** Starts that came before the roster named their sender. At most one a pid. */
  readonly #early = new Map<string, string>();
  #signalling: Signalling | null = null;
  #start = '';
  #seq = 0;
  #resumeSecret = '';
  #pid = '';
  #closed = false;
  #offers: Promise<void> = Promise.resolve();

  private constructor(options: SessionOptions, e2ee: E2eeController) {
    this.#options = options;
    this.e2ee = e2ee;
    this.media = new MediaConnection(e2ee, options.seats, (state) => options.events.path(state));
  }

  /** The worker with its keys, and a connection whose transforms are all in place. */
  static async prepare(options: SessionOptions): Promise<Session> {
    const e2ee = await E2eeController.create({
      room: options.link.room,
      secret: options.link.secret,
      events: options.events,
    });
    return new Session(options, e2ee);
  }

  /**
   * Enter the room.
   *
   * @throws Refusal or SottoError; the session is then of no further use.
   */
  async join(): Promise<Joined> {
    const { link, name, server, tracks } = this.#options;
    const [signalling, offer, profile] = await Promise.all([
      Signalling.connect(server, this.#socketEvents()),
      this.media.offer(),
      this.e2ee.sealName(name),
    ]);
    this.#signalling = signalling;
    const joined = await signalling.request(
      {
        type: 'join',
        version: PROTOCOL_VERSION,
        capabilities: [...CAPABILITIES],
        room: link.room,
        offer: offer.sdp,
        sources: offer.sources,
        seats: offer.seats,
        tracks: [...tracks],
        profile,
        decodes: decodableCodecs(),
        browser: browserFamily(navigator.userAgent),
        ...(link.invite === null ? {} : { invite: link.invite }),
      },
      'joined',
    );
    // What the server says of encryption is not asked for: a link with a secret is always sealed (T15).
    this.#seq = joined.seq;
    this.#pid = joined.pid;
    this.#resumeSecret = joined.resume_secret;
    for (const member of joined.roster) this.#leaves.set(member.pid, member.leaf);
    this.#start = await this.e2ee.joined({ pid: joined.pid, leaf: joined.leaf });
    this.#options.events.snapshot(joined.roster);
    this.#seated(joined.seats);
    const told = this.#tell(this.#start);
    await this.media.answered(joined.answer, joined.ice_servers.map(iceServer));
    await told;
    return joined;
  }

  /**
   * Take the session up again on a new socket.
   *
   * @throws Refusal `resume_failed` when the server has forgotten it; SottoError when it cannot be reached.
   */
  async resume(tracks: readonly TrackState[]): Promise<Resumed> {
    const signalling = await Signalling.connect(this.#options.server, this.#socketEvents());
    try {
      const resumed = await signalling.request(
        { type: 'resume', version: PROTOCOL_VERSION, pid: this.#pid, secret: this.#resumeSecret, seq: this.#seq, tracks: [...tracks] },
        'resumed',
      );
      this.#signalling = signalling;
      this.#resumeSecret = resumed.resume_secret;
      await this.#snapshot(resumed.seq, resumed.roster);
      this.#seated(resumed.seats);
      await this.#tell(this.#start); // whoever came meanwhile has not heard it
      return resumed;
    } catch (problem) {
      signalling.close();
      throw problem;
    }
  }

  /** New ICE credentials on the same keys: a changed network heals without a new join. */
  async restartIce(): Promise<void> {
    await this.#renegotiate({ restart: true, from: this.media.seats.length });
  }

  async moreSeats(count: number): Promise<void> {
    const from = this.media.seats.length;
    this.media.addSeats(count);
    await this.#renegotiate({ from });
  }

  async publish(tracks: readonly TrackState[]): Promise<void> {
    await this.#signalling?.request({ type: 'publish', tracks: [...tracks] }, 'ok');
  }

  async view(wants: readonly ViewWant[]): Promise<void> {
    const rounded = wants.map(({ pid, source, width, height, pinned, layer }, i) => ({
      pid,
      source,
      width: Math.round(width),
      height: Math.round(height),
      priority: Math.max(0, 100 - i),
      pinned: pinned === true,
      ...(layer === undefined ? {} : { layer }),
    }));
    await this.#signalling?.request({ type: 'view', wants: rounded }, 'ok');
  }

  /** Say good-bye, close everything, erase the keys. */
  async leave(): Promise<void> {
    const signalling = this.#signalling;
    const said = signalling?.request({ type: 'leave' }, 'ok').catch(() => undefined);
    this.media.close();
    this.e2ee.close();
    await said;
    this.close();
  }

  /** Close everything without a word. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#signalling?.close();
    this.media.close();
    this.e2ee.close();
  }

  /** One offer at a time: a second waits for the answer to the first. */
  #renegotiate(options: { from: number; restart?: boolean }): Promise<void> {
    const offered = this.#offers.catch(() => undefined).then(() => this.#offerAgain(options));
    this.#offers = offered;
    return offered;
  }

  async #offerAgain(options: { from: number; restart?: boolean }): Promise<void> {
    const offer = await this.media.offer(options);
    const signalling = this.#signalling;
    if (signalling === null) throw new SottoError('server.unreachable');
    const { answer, seats } = await signalling.request(
      { type: 'offer', offer: offer.sdp, sources: [], seats: offer.seats },
      'answer',
    );
    await this.media.answered(answer);
    this.#seated(seats);
  }

  #socketEvents() {
    return {
      pushed: (message: Pushed) => this.#pushed(message),
      closed: () => {
        this.#signalling = null;
        if (!this.#closed) this.#options.events.socketLost();
      },
    };
  }

  #pushed(message: Pushed): void {
    const { events } = this.#options;
    switch (message.type) {
      case 'roster':
        this.#seq = message.seq;
        void this.#rosterChanged(message.joined, message.updated, message.left);
        return;
      case 'seats':
        this.#seq = message.seq;
        return this.#seated(message.seats);
      case 'levels':
        return events.levels(message.levels, message.speaker);
      case 'wanted':
        return this.media.wanted(message.source, message.encodings);
      case 'message':
        return void this.#started(message.sender, message.body);
      case 'closing':
        return events.closing(message.code, message.text, message.action);
      default: // a newer server says more than we know: ignored (DESIGN section 8)
    }
  }

  async #rosterChanged(joined: readonly Member[], updated: readonly Member[], left: readonly string[]): Promise<void> {
    for (const member of joined) this.#leaves.set(member.pid, member.leaf);
    this.#options.events.roster(joined, updated, left);
    // All at once: a leaf that one of them leaves may be the next one's.
    await Promise.all(left.map((pid) => this.#gone(pid)));
    for (const member of joined) {
      await this.#tell(this.#start, member.pid);
      const body = this.#early.get(member.pid);
      if (body !== undefined) await this.#started(member.pid, body);
    }
  }

  async #snapshot(seq: number, roster: readonly Member[]): Promise<void> {
    this.#seq = seq;
    const here = new Set(roster.map((member) => member.pid));
    await Promise.all([...this.#leaves.keys()].filter((pid) => !here.has(pid)).map((pid) => this.#gone(pid)));
    for (const member of roster) this.#leaves.set(member.pid, member.leaf);
    this.#options.events.snapshot(roster);
  }

  async #gone(pid: string): Promise<void> {
    this.#leaves.delete(pid);
    this.#early.delete(pid);
    await this.e2ee.memberLeft(pid);
  }

  async #started(pid: string, body: string): Promise<void> {
    const leaf = this.#leaves.get(pid);
    if (leaf === undefined) {
      this.#early.set(pid, body);
      if (this.#early.size > 256) this.#early.delete(this.#early.keys().next().value ?? '');
      return;
    }
    this.#early.delete(pid);
    if (await this.e2ee.memberStart({ pid, leaf }, body)) this.#options.events.keyed(pid);
  }

  #seated(seats: readonly SeatState[]): void {
    for (const { seat, pid, video, audio } of seats) {
      this.e2ee.expect(seat, 'video', pid === null || video === null ? null : { pid, ctx: CONTEXTS[video] });
      this.e2ee.expect(seat, 'audio', pid === null || audio === null ? null : { pid, ctx: CONTEXTS[audio] });
    }
    this.#options.events.seats(seats);
  }

  /** A member that is gone when the message arrives has no use for it. */
  async #tell(body: string, to?: string): Promise<void> {
    const message = { type: 'message' as const, body, ...(to === undefined ? {} : { to }) };
    await this.#signalling?.request(message, 'ok').catch((problem: unknown) => {
      if (!(problem instanceof Refusal || problem instanceof SottoError)) throw problem;
    });
  }
}

function iceServer(server: IceServer): RTCIceServer {
  return {
    urls: [...server.urls],
    ...(server.username == null ? {} : { username: server.username }),
    ...(server.credential == null ? {} : { credential: server.credential }),
  };
}

function browserFamily(agent: string): string {
  if (/Firefox\//.test(agent)) return 'firefox';
  if (/Chrom(e|ium)\//.test(agent)) return 'chromium';
  return /Safari\//.test(agent) ? 'safari' : 'other';
}
