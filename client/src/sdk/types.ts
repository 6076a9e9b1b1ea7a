/**
 * What the SDK shows of a call: plain values, replaced whole on every change, never mutated.
 *
 * An app subscribes to snapshots and calls methods; it holds no call state of its own. Everything here
 * is framework-free. Times are milliseconds since the epoch unless a name says otherwise.
 */
export type SourceKind = 'microphone' | 'camera' | 'screen' | 'screen_audio';
export type RoomCodec = 'vp8' | 'vp9' | 'av1';

/** `data-code` of the page's error element; UI.md section 5 has the words. */
export type ErrorCode =
  | 'media.denied' | 'media.missing' | 'media.busy' | 'media.failed'
  | 'browser.unsupported' | 'link.no_secret' | 'link.invalid'
  | 'room.denied' | 'room.full' | 'room.locked' | 'codec.unsupported'
  | 'server.unreachable' | 'server.refused' | 'removed' | 'ended' | 'e2ee.failed' | 'internal';

/** An error a person can act on. `detail` is for "What exactly happened" and never holds a secret. */
export class SottoError extends Error {
  constructor(readonly code: ErrorCode, readonly detail = '') {
    super(detail === '' ? code : `${code}: ${detail}`);
    this.name = 'SottoError';
  }
}

export type CallStatus = 'idle' | 'joining' | 'joined' | 'reconnecting' | 'left' | 'failed';

export type SealState = 'connecting' | 'encrypted' | 'verified' | 'alarm';

/** How a participant's key is known (UI.md, table of shields). Until group keys: `link` or `none`. */
export type Shield = 'none' | 'link';

/** Why no picture moves, or that one does. */
export type VideoState =
  | 'off' /** the camera is off: show initials */
  | 'waiting' /** on, first picture not here yet */
  | 'live'
  | 'paused' /** the server holds it back */
  | 'unseated' /** not asked for, or no seat free */
  | 'withheld'; /** something arrived that its owner did not seal */

export type QualityLevel = 'good' | 'fair' | 'poor' | 'unknown';

export interface Picture {
  readonly state: VideoState;
  /** Video track only; attach it to a muted `<video>`. Null unless live or paused. */
  readonly stream: MediaStream | null;
  /** Encoding being received (`q`, `h`, `f`), null when there is one only or none. */
  readonly layer: string | null;
}

export interface Voice {
  /** A microphone is attached at all. */
  readonly active: boolean;
  readonly muted: boolean;
  /** 0 silent to 100 loudest. */
  readonly level: number;
  readonly speaking: boolean;
}

export interface Participant {
  readonly pid: string;
  readonly isSelf: boolean;
  /** Opened from the sealed profile; '' when it could not be opened (show "Someone"). */
  readonly name: string;
  readonly role: string;
  readonly joinedAt: number;
  readonly voice: Voice;
  readonly camera: Picture;
  readonly screen: Picture;
  readonly shield: Shield;
  /** Their key is here: their media can be opened. */
  readonly keyed: boolean;
  readonly quality: QualityLevel;
}

export interface Alarm {
  readonly kind: 'sender_mismatch' | 'ctx_mismatch' | 'unsealed';
  readonly pid: string | null;
  readonly name: string;
  readonly at: number;
  readonly frames: number;
  readonly sinceMs: number;
}

export interface OwnDevice {
  /** Track attached and live. */
  readonly active: boolean;
  readonly muted: boolean;
  readonly deviceId: string | null;
  readonly label: string;
  readonly error: ErrorCode | null;
  /** Being started. */
  readonly pending: boolean;
}

export interface CallSnapshot {
  readonly status: CallStatus;
  readonly room: string;
  readonly codec: RoomCodec | null;
  readonly selfPid: string | null;
  /** Oldest first, self included where it belongs in that order. Empty before `joined`. */
  readonly participants: readonly Participant[];
  readonly speaker: string | null;
  readonly seal: { readonly state: SealState; readonly keys: number; readonly alarm: Alarm | null };
  readonly microphone: OwnDevice;
  readonly camera: OwnDevice;
  readonly screen: OwnDevice;
  /** Set while status is `reconnecting`. */
  readonly reconnect: { readonly attempt: number; readonly sinceMs: number } | null;
  readonly soundBlocked: boolean;
  /** Why the call failed or ended; null while it lives or after a plain leave. */
  readonly error: SottoError | null;
  readonly joinedAt: number | null;
  readonly quality: QualityLevel;
  /** Link for others, without this person's name; null before `joined`. */
  readonly inviteLink: string | null;
}

/** What the app wants to see, most wanted first (the `view` message). Sizes in device pixels. */
export interface ViewWant {
  readonly pid: string;
  readonly source: 'camera' | 'screen';
  readonly width: number;
  readonly height: number;
  readonly pinned?: boolean;
  readonly layer?: string;
}

export interface DeviceChoice {
  readonly deviceId: string;
  readonly label: string;
  readonly kind: 'audioinput' | 'audiooutput' | 'videoinput';
}

export interface RoomLink {
  readonly room: string;
  /** 32 bytes; the link's `k`. */
  readonly secret: Uint8Array;
  readonly invite: string | null;
  readonly name: string | null;
  readonly autojoin: boolean;
}

export interface CallOptions {
  readonly link: RoomLink;
  /** Display name, at most 64 characters after cleaning; sealed before it leaves the page. */
  readonly name: string;
  /** Page origin of the server; default `location.origin`. */
  readonly server?: string;
  /** Seats to ask for, default 9, at most 49. */
  readonly seats?: number;
  /** Tracks to start with, as the lobby's preview made them; null = off. The call owns them from here. */
  readonly microphone: MediaStreamTrack | null;
  readonly camera: MediaStreamTrack | null;
  readonly microphoneMuted?: boolean;
  readonly speakerId?: string;
}

export interface StatsRow {
  readonly label: string;
  readonly value: string;
}
