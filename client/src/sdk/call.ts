/**
 * A call as an app uses it: one object, one snapshot, a few verbs.
 *
 * Owns the person's devices and one `Session` at a time. A session that is lost for good is replaced
 * by a new one, with the same devices in the same state; the app sees `reconnecting`, then `joined`.
 */
import type { E2eeController } from '../e2ee/controller';
import type { Joined } from '../protocol/messages.gen';
import { backoffMs, Pause } from './backoff';
import { cleanName, formatRoomLink } from './link';
import { Outputs } from './outputs';
import { OwnDevices } from './own_devices';
import { type OwnState, People } from './people';
import { QualityReader } from './quality';
import { Session, type SessionEvents } from './session';
import { errorOf, Refusal } from './signalling';
import type {
  Alarm,
  CallOptions,
  CallSnapshot,
  CallStatus,
  Picture,
  QualityLevel,
  RoomCodec,
  SealState,
  StatsRow,
  ViewWant,
} from './types';
import { SottoError } from './types';

const DEFAULT_SEATS = 9;
const MOST_SEATS = 41; // with whole steps it stays under the server's 49
const SEAT_STEP = 8;
const VIEW_AFTER_MS = 100; // a resize is many changes; the last one counts
const STATS_EVERY_MS = 2000;
const PATH_GRACE_MS = 3000; // lower: a blink of the network restarts ICE; higher: a longer still picture
const OFF: Picture = { state: 'off', stream: null, layer: null };

export class Call {
  readonly #options: CallOptions;
  readonly #server: string;
  readonly #name: string;
  readonly #devices: OwnDevices;
  readonly #listeners = new Set<(snapshot: CallSnapshot) => void>();
  readonly #pause = new Pause();
  #session: Session | null = null;
  #people = new People();
  #outputs: Outputs;
  #reader = new QualityReader();
  #snapshot: CallSnapshot;
  #status: CallStatus = 'idle';
  #error: SottoError | null = null;
  #joined: Joined | null = null;
  #joinedAt: number | null = null;
  #codec: RoomCodec | null = null;
  #alarm: Alarm | null = null;
  #ownQuality: QualityLevel = 'unknown';
  #sealedOwn = false;
  #soundBlocked = false;
  #reconnect: { attempt: number; sinceMs: number } | null = null;
  #wants: readonly ViewWant[] | null = null;
  #viewTimer: ReturnType<typeof setTimeout> | undefined;
  #statsTimer: ReturnType<typeof setInterval> | undefined;
  #pathTimer: ReturnType<typeof setTimeout> | undefined;
  #rows: StatsRow[] = [];
  #dirty = false;

  constructor(options: CallOptions) {
    this.#options = options;
    this.#server = options.server ?? location.origin;
    this.#name = cleanName(options.name);
    this.#outputs = this.#newOutputs();
    this.#devices = new OwnDevices({
      send: async (source, track) => {
        await this.#session?.media.send(source, track);
        await this.#publish();
      },
      changed: () => this.#change(),
    });
    this.#devices.start(options.microphone, options.camera, options.microphoneMuted === true);
    this.#snapshot = this.#compose();
  }

  get snapshot(): CallSnapshot {
    return this.#snapshot;
  }

  /** Called after each change, at most once a frame. Returns how to stop. */
  subscribe(listener: (snapshot: CallSnapshot) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @throws SottoError why the call did not come about; the snapshot says the same. */
  async join(): Promise<void> {
    this.#to('joining');
    try {
      await this.#enter();
      this.#statsTimer = setInterval(() => void this.#readStats(), STATS_EVERY_MS);
    } catch (problem) {
      const error = errorOf(problem);
      this.#fail(error);
      throw error;
    }
  }

  /** Leave for good: devices stop, keys are erased. */
  async leave(): Promise<void> {
    const session = this.#session;
    this.#end('left', null);
    await session?.leave();
  }

  setMicrophoneMuted(muted: boolean): Promise<void> {
    return this.#devices.muteMicrophone(muted);
  }

  setCameraMuted(muted: boolean): Promise<void> {
    return this.#devices.muteCamera(muted);
  }

  chooseMicrophone(deviceId: string): Promise<void> {
    return this.#devices.chooseMicrophone(deviceId);
  }

  chooseCamera(deviceId: string): Promise<void> {
    return this.#devices.chooseCamera(deviceId);
  }

  chooseSpeaker(deviceId: string): Promise<void> {
    return this.#outputs.choose(deviceId);
  }

  /** @throws SottoError when it was refused. */
  startScreen(): Promise<void> {
    return this.#devices.startScreen();
  }

  stopScreen(): Promise<void> {
    return this.#devices.stopScreen();
  }

  setView(wants: readonly ViewWant[]): void {
    this.#wants = wants;
    clearTimeout(this.#viewTimer);
    this.#viewTimer = setTimeout(() => void this.#sendView(), VIEW_AFTER_MS);
  }

  /** More seats than asked for at join (SEATS C5). */
  async moreSeats(count: number): Promise<void> {
    const session = this.#session;
    if (session === null || count < 1) return;
    const promise = session.moreSeats(count);
    this.#adoptSeats(session);
    await promise;
  }

  /** From a click: let the browser play what it held back. */
  resumeSound(): Promise<void> {
    return this.#outputs.resume();
  }

  /** Do not wait for the next try. */
  retryNow(): void {
    this.#pause.end();
  }

  dismissAlarm(): void {
    this.#alarm = null;
    this.#change();
  }

  microphoneLevel(): number {
    return this.#devices.level();
  }

  selfView(): MediaStream | null {
    return this.#devices.selfView();
  }

  /** Figures for people; the last reading, at most two seconds old. */
  async stats(): Promise<StatsRow[]> {
    if (this.#rows.length === 0) await this.#readStats();
    return this.#rows;
  }

  // ---- coming in, and coming back

  async #enter(): Promise<void> {
    const session = await Session.prepare({
      link: this.#options.link,
      name: this.#name,
      server: this.#server,
      seats: this.#options.seats ?? DEFAULT_SEATS,
      tracks: this.#devices.tracks(),
      events: this.#sessionEvents(),
    });
    if (this.#isOver()) return session.close();
    this.#replaceSession(session);
    this.#adoptSeats(session);
    try {
      this.#adopt(await session.join());
    } catch (problem) {
      this.#replaceSession(null);
      throw problem;
    }
    // Whatever changed while we were joining is said now.
    await Promise.all(this.#devices.outgoing().map(([source, track]) => session.media.send(source, track)));
    await this.#publish();
    if (this.#wants !== null) void this.#sendView();
  }

  #adopt(joined: Joined): void {
    this.#joined = joined;
    this.#joinedAt ??= Date.now();
    this.#codec = joined.codec as RoomCodec;
    this.#reconnect = null;
    this.#to('joined');
  }

  #adoptSeats(session: Session): void {
    for (const seat of session.media.seats.slice(this.#people.seatCount)) {
      this.#people.addSeat(seat.video.receiver.track);
      this.#outputs.add(seat.audio.receiver.track);
    }
  }

  #replaceSession(session: Session | null): void {
    this.#session?.close();
    this.#outputs.close();
    this.#session = session;
    this.#people = new People();
    this.#outputs = this.#newOutputs();
    this.#reader = new QualityReader();
    this.#sealedOwn = false;
  }

  #newOutputs(): Outputs {
    const outputs = new Outputs((blocked) => {
      if (outputs !== this.#outputs || blocked === this.#soundBlocked) return;
      this.#soundBlocked = blocked;
      this.#change();
    });
    if (this.#options.speakerId !== undefined) void outputs.choose(this.#options.speakerId).catch(() => undefined);
    return outputs;
  }

  /** Try until it works or the person leaves: first take the session up again, then join anew. */
  async #comeBack(resumable: boolean): Promise<void> {
    if (this.#reconnect !== null || this.#isOver() || this.#status === 'joining') return;
    const sinceMs = Date.now();
    for (let attempt = 1; !this.#isOver(); attempt++) {
      this.#reconnect = { attempt, sinceMs };
      this.#to('reconnecting');
      try {
        if (resumable && this.#session !== null) {
          await this.#session.resume(this.#devices.tracks());
          this.#reconnect = null;
          this.#to('joined');
          if (this.#wants !== null) void this.#sendView();
        } else {
          await this.#enter();
        }
        return;
      } catch (problem) {
        const error = errorOf(problem);
        if (problem instanceof Refusal && problem.action === 'rejoin') resumable = false;
        else if (error.code !== 'server.unreachable') return this.#fail(error);
      }
      if (resumable || this.#session === null) await this.#pause.wait(backoffMs(attempt));
    }
  }

  // ---- what the session says

  #sessionEvents(): SessionEvents {
    const now = () => Date.now();
    return {
      roster: (joined, updated, left) => {
        for (const member of [...joined, ...updated]) this.#people.put(member, now());
        joined.forEach((member) => void this.#nameOf(member.pid, member.profile));
        left.forEach((pid) => this.#people.remove(pid));
        this.#change();
      },
      snapshot: (members) => {
        this.#people.replace(members, now());
        members.forEach((member) => void this.#nameOf(member.pid, member.profile));
        this.#change();
      },
      seats: (seats) => {
        seats.forEach((seat) => this.#people.seated(seat));
        this.#change();
      },
      levels: (levels, speaker) => {
        this.#people.levels(levels, speaker);
        this.#change();
      },
      keyed: (pid) => {
        this.#people.keyed(pid);
        this.#change();
      },
      senderChanged: ({ seat, kind, leaf, ctx }) => {
        if (kind === 'video') this.#people.sent(seat, leaf, ctx);
        this.#change();
      },
      sealed: () => {
        this.#sealedOwn = true;
        this.#change();
      },
      alarm: ({ kind, seat, leaf, frames, sinceMs }) => {
        const pid = this.#people.seatState(seat)?.pid ?? (leaf === null ? null : this.#people.pidOfLeaf(leaf));
        this.#people.withheld(seat, true);
        this.#alarm = { kind, pid, name: this.#people.nameOf(pid), at: now(), frames, sinceMs };
        this.#change();
      },
      alarmCleared: (seat) => {
        this.#people.withheld(seat, false);
        this.#change();
      },
      counts: () => undefined,
      workerFailed: (reason) => {
        // Rule R6: nothing more is sent, and we come back as a new member with new keys.
        this.#replaceSession(null);
        if (this.#status === 'joined') void this.#comeBack(false);
        else this.#fail(new SottoError('e2ee.failed', reason));
      },
      path: (state) => this.#path(state),
      socketLost: () => void this.#comeBack(true),
      closing: (code, text, action) => {
        if (action === 'rejoin' || action === 'retry') {
          this.#replaceSession(null);
          void this.#comeBack(false);
        } else {
          this.#fail(errorOf(new Refusal(code, action, text)));
        }
      },
    };
  }

  async #nameOf(pid: string, profile: string): Promise<void> {
    const e2ee: E2eeController | undefined = this.#session?.e2ee;
    const name = await e2ee?.openName(profile);
    if (typeof name === 'string') {
      this.#people.named(pid, cleanName(name));
      this.#change();
    }
  }

  /** A path that stays broken gets new ICE credentials first, then a new session. */
  #path(state: string): void {
    clearTimeout(this.#pathTimer);
    if (this.#status !== 'joined' || state === 'connected' || state === 'connecting') return;
    const wait = state === 'failed' ? 0 : PATH_GRACE_MS;
    this.#pathTimer = setTimeout(() => {
      const session = this.#session;
      if (session === null) return;
      session.restartIce().catch(() => undefined); // no socket: `socketLost` is at work already
      this.#pathTimer = setTimeout(() => {
        if (session !== this.#session || session.media.connection.connectionState === 'connected') return;
        this.#replaceSession(null);
        void this.#comeBack(false);
      }, 10_000);
    }, wait);
  }

  async #publish(): Promise<void> {
    if (this.#status === 'joined') await this.#session?.publish(this.#devices.tracks()).catch(() => undefined);
    this.#change();
  }

  async #sendView(): Promise<void> {
    const wants = this.#wants ?? [];
    if (this.#status !== 'joined') return;
    await this.#session?.view(wants).catch(() => undefined);
    // More pictures than seats: ask for the rest (SEATS C5), in steps, so that one who comes costs no offer.
    const lacking = Math.min(wants.length, MOST_SEATS) - this.#people.seatCount;
    if (lacking > 0) await this.moreSeats(Math.ceil(lacking / SEAT_STEP) * SEAT_STEP).catch(() => undefined);
  }

  async #readStats(): Promise<void> {
    const session = this.#session;
    if (session === null || this.#status !== 'joined') return;
    const reading = this.#reader.read(await session.media.stats(), Date.now());
    for (const seat of session.media.seats) {
      const level = reading.byMid.get(seat.video.mid ?? '') ?? 'unknown';
      this.#people.seatQuality(seat.index, level === 'unknown' ? (reading.byMid.get(seat.audio.mid ?? '') ?? level) : level);
    }
    this.#ownQuality = reading.own;
    this.#rows = reading.rows;
    this.#change();
  }

  // ---- the snapshot

  #isOver(): boolean {
    return this.#status === 'left' || this.#status === 'failed';
  }

  #fail(error: SottoError): void {
    this.#end('failed', error);
  }

  #end(status: 'left' | 'failed', error: SottoError | null): void {
    if (this.#isOver()) return;
    clearInterval(this.#statsTimer);
    clearTimeout(this.#viewTimer);
    clearTimeout(this.#pathTimer);
    this.#devices.stop();
    if (status === 'failed') this.#replaceSession(null);
    else this.#outputs.close();
    this.#session = null;
    this.#error = error;
    this.#reconnect = null;
    this.#to(status);
    this.#pause.end();
  }

  #to(status: CallStatus): void {
    this.#status = status;
    this.#change();
  }

  #change(): void {
    if (this.#dirty) return;
    this.#dirty = true;
    queueMicrotask(() => {
      this.#dirty = false;
      this.#snapshot = this.#compose();
      for (const listener of this.#listeners) listener(this.#snapshot);
    });
  }

  #compose(): CallSnapshot {
    const microphone = this.#devices.state('microphone');
    const participants = this.#people.list(this.#own());
    const keys = participants.filter((participant) => participant.keyed).length;
    const { link } = this.#options;
    const invite = this.#joined?.guest_invite ?? link.invite;
    return {
      status: this.#status,
      room: link.room,
      codec: this.#codec,
      selfPid: this.#joined?.pid ?? null,
      participants,
      speaker: this.#people.speaker,
      seal: { state: this.#seal(participants.length, keys), keys, alarm: this.#alarm },
      microphone,
      camera: this.#devices.state('camera'),
      screen: this.#devices.state('screen'),
      reconnect: this.#reconnect,
      soundBlocked: this.#soundBlocked,
      error: this.#error,
      joinedAt: this.#joinedAt,
      quality: this.#ownQuality,
      inviteLink: this.#joined === null ? null : formatRoomLink(this.#server, link.room, link.secret, invite),
    };
  }

  /** Sealed only when every key is here and our own frames leave sealed (rule R4). */
  #seal(people: number, keys: number): SealState {
    if (this.#alarm !== null) return 'alarm';
    const sends = this.#devices.outgoing().some(([, track]) => track !== null);
    const whole = people > 0 && keys === people && (this.#sealedOwn || !sends || people === 1);
    return this.#status === 'joined' && whole ? 'encrypted' : 'connecting';
  }

  #own(): OwnState {
    const microphone = this.#devices.state('microphone');
    const camera = this.#devices.selfView();
    const screen = this.#devices.screenView();
    return {
      pid: this.#joined?.pid ?? '',
      name: this.#name,
      camera: camera === null ? OFF : { state: 'live', stream: camera, layer: null },
      screen: screen === null ? OFF : { state: 'live', stream: screen, layer: null },
      voice: { active: microphone.active, muted: microphone.muted || !microphone.active, level: 0, speaking: false },
      quality: this.#ownQuality,
    };
  }
}
