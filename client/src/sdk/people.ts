/**
 * Who is in the call and what is seen of them: the roster, what each seat really carries, loudness.
 *
 * The server says who should be in a seat; the worker says whose frames are in it (the KID). A picture
 * is shown under a name only when the worker says so (DESIGN section 5, SEATS C6).
 */
import type { Member, SeatState } from '../protocol/messages.gen';
import type { Participant, Picture, QualityLevel, SourceKind, VideoState, Voice } from './types';

/** E2EE.md 5.5: what the ctx bits of a KID stand for. */
export const CONTEXTS: Readonly<Record<SourceKind, number>> = { microphone: 0, camera: 1, screen: 2, screen_audio: 3 };

const SPEAKS_AT = 40; // of 100; the speaker keeps the ring down to half of it

interface Person {
  member: Member;
  name: string;
  joinedAt: number;
  keyed: boolean;
  level: number;
}

interface Seat {
  state: SeatState;
  /** Leaf and context of the frames that were opened last; the worker speaks up only when they change. */
  sender: { leaf: number; ctx: number } | null;
  withheld: boolean;
  quality: QualityLevel;
  readonly stream: MediaStream;
}

export interface OwnState {
  readonly pid: string;
  readonly name: string;
  readonly camera: Picture;
  readonly screen: Picture;
  readonly voice: Voice;
  readonly quality: QualityLevel;
}

export class People {
  readonly #people = new Map<string, Person>();
  readonly #seats: Seat[] = [];
  speaker: string | null = null;

  /** The video track of a seat, known once and for the whole call. */
  addSeat(video: MediaStreamTrack): void {
    const state: SeatState = { seat: this.#seats.length, pid: null, video: null, audio: null, layer: null, paused: null };
    this.#seats.push({ state, sender: null, withheld: false, quality: 'unknown', stream: new MediaStream([video]) });
  }

  get seatCount(): number {
    return this.#seats.length;
  }

  seatState(index: number): SeatState | null {
    return this.#seats[index]?.state ?? null;
  }

  member(pid: string): Member | null {
    return this.#people.get(pid)?.member ?? null;
  }

  pidOfLeaf(leaf: number): string | null {
    for (const [pid, person] of this.#people) if (person.member.leaf === leaf) return pid;
    return null;
  }

  nameOf(pid: string | null): string {
    return pid === null ? '' : (this.#people.get(pid)?.name ?? '');
  }

  pids(): string[] {
    return [...this.#people.keys()];
  }

  put(member: Member, now: number): void {
    const known = this.#people.get(member.pid);
    if (known !== undefined) known.member = member;
    else this.#people.set(member.pid, { member, name: '', joinedAt: now, keyed: false, level: 0 });
  }

  remove(pid: string): void {
    this.#people.delete(pid);
    if (this.speaker === pid) this.speaker = null;
  }

  /** A snapshot replaces the roster; what was opened of those who stay is kept. Returns who is gone. */
  replace(members: readonly Member[], now: number): string[] {
    const gone = this.pids().filter((pid) => !members.some((member) => member.pid === pid));
    gone.forEach((pid) => this.remove(pid));
    members.forEach((member) => this.put(member, now));
    return gone;
  }

  named(pid: string, name: string): void {
    const person = this.#people.get(pid);
    if (person !== undefined) person.name = name;
  }

  keyed(pid: string): void {
    const person = this.#people.get(pid);
    if (person !== undefined) person.keyed = true;
  }

  levels(levels: readonly { pid: string; level: number }[], speaker: string | null): void {
    for (const person of this.#people.values()) person.level = 0;
    for (const { pid, level } of levels) {
      const person = this.#people.get(pid);
      if (person !== undefined) person.level = level;
    }
    this.speaker = speaker;
  }

  seated(state: SeatState): void {
    const seat = this.#seats[state.seat];
    if (seat === undefined) return;
    if (seat.state.pid !== state.pid) seat.withheld = false;
    seat.state = state;
  }

  /** Frames of this leaf were opened in this seat. */
  sent(seat: number, leaf: number, ctx: number): void {
    const known = this.#seats[seat];
    if (known !== undefined) known.sender = { leaf, ctx };
  }

  withheld(seat: number, withheld: boolean): void {
    const known = this.#seats[seat];
    if (known !== undefined) known.withheld = withheld;
  }

  seatQuality(seat: number, quality: QualityLevel): void {
    const known = this.#seats[seat];
    if (known !== undefined) known.quality = quality;
  }

  /** Everybody as the app sees them, oldest first. */
  list(own: OwnState): Participant[] {
    return [...this.#people.values()].map((person) => this.#participant(person, own));
  }

  #participant(person: Person, own: OwnState): Participant {
    const { member } = person;
    const isSelf = member.pid === own.pid;
    return {
      pid: member.pid,
      isSelf,
      name: isSelf ? own.name : person.name,
      role: member.role,
      joinedAt: person.joinedAt,
      voice: isSelf ? this.#ownVoice(own.voice, person) : this.#voice(person),
      camera: isSelf ? own.camera : this.#picture(member, 'camera'),
      screen: isSelf ? own.screen : this.#picture(member, 'screen'),
      shield: isSelf || person.keyed ? 'link' : 'none',
      keyed: isSelf || person.keyed,
      quality: isSelf ? own.quality : this.#quality(member.pid),
    };
  }

  #voice(person: Person): Voice {
    const track = person.member.tracks.find((t) => t.source === 'microphone');
    const muted = track === undefined || track.muted;
    return { active: track !== undefined, muted, level: muted ? 0 : person.level, speaking: !muted && this.#speaks(person) };
  }

  #ownVoice(voice: Voice, person: Person): Voice {
    return voice.muted ? voice : { ...voice, level: person.level, speaking: this.#speaks(person) };
  }

  #speaks(person: Person): boolean {
    const floor = this.speaker === person.member.pid ? SPEAKS_AT / 2 : SPEAKS_AT;
    return person.level >= floor;
  }

  #picture(member: Member, source: 'camera' | 'screen'): Picture {
    const track = member.tracks.find((t) => t.source === source);
    if (track === undefined || track.muted) return { state: 'off', stream: null, layer: null };
    const seat = this.#seats.find((s) => s.state.pid === member.pid && s.state.video === source);
    if (seat === undefined) return { state: 'unseated', stream: null, layer: null };
    const state = pictureState(seat, member, source);
    const shown = state === 'live' || state === 'paused'; // while waiting, the seat still holds somebody else's last frame
    return { state, stream: shown ? seat.stream : null, layer: seat.state.layer ?? null };
  }

  #quality(pid: string): QualityLevel {
    return this.#seats.find((s) => s.state.pid === pid)?.quality ?? 'unknown';
  }
}

function pictureState(seat: Seat, member: Member, source: 'camera' | 'screen'): VideoState {
  if (seat.withheld) return 'withheld';
  if (seat.state.paused !== null && seat.state.paused !== undefined) {
    return seat.state.paused === 'not_wanted' ? 'unseated' : 'paused';
  }
  const theirs = seat.sender?.leaf === member.leaf && seat.sender.ctx === CONTEXTS[source];
  return theirs ? 'live' : 'waiting';
}
