/**
 * The one place where the app meets the SDK: what it uses of it, as an interface.
 *
 * `main.tsx` hands in the real SDK; tests and the harness hand in a fake. Nothing else of the app
 * imports from `../sdk`.
 */
import type {
  CallOptions, CallSnapshot, DeviceChoice, RoomLink, StatsRow, ViewWant,
} from '../sdk/index';

export { SottoError } from '../sdk/index';
export type {
  Alarm, CallOptions, CallSnapshot, CallStatus, DeviceChoice, ErrorCode, OwnDevice, Participant, Picture,
  QualityLevel, RoomLink, SealState, Shield, StatsRow, VideoState, ViewWant,
} from '../sdk/index';

/** A call as the app drives it; the SDK's `Call` is one. */
export interface CallHandle {
  readonly snapshot: CallSnapshot;
  subscribe(listener: (snapshot: CallSnapshot) => void): () => void;
  join(): Promise<void>;
  leave(): Promise<void>;
  setMicrophoneMuted(muted: boolean): Promise<void>;
  setCameraMuted(muted: boolean): Promise<void>;
  chooseMicrophone(deviceId: string): Promise<void>;
  chooseCamera(deviceId: string): Promise<void>;
  chooseSpeaker(deviceId: string): Promise<void>;
  startScreen(): Promise<void>;
  stopScreen(): Promise<void>;
  setView(wants: readonly ViewWant[]): void;
  /** More pictures at once than asked for at join. */
  moreSeats(count: number): Promise<void>;
  resumeSound(): Promise<void>;
  retryNow(): void;
  dismissAlarm(): void;
  microphoneLevel(): number;
  stats(): Promise<StatsRow[]>;
  selfView(): MediaStream | null;
}

/** Loudness of a track that is not in a call yet: 0 silent to 100 loudest. */
export interface LevelProbe {
  value(): number;
  close(): void;
}

export interface Devices {
  list(): Promise<DeviceChoice[]>;
  onChange(listener: () => void): () => void;
  openCamera(deviceId?: string): Promise<MediaStreamTrack>;
  openMicrophone(deviceId?: string): Promise<MediaStreamTrack>;
  levelOf(track: MediaStreamTrack): LevelProbe;
}

export interface Engine {
  parseRoomLink(url: URL): RoomLink;
  formatRoomLink(base: string, room: string, secret: Uint8Array, invite: string | null): string;
  createMeeting(server: string): Promise<{ link: string; room: string; hostInvite: string }>;
  browserSupport(): { ok: boolean; missing: string[] };
  newCall(options: CallOptions): CallHandle;
  readonly devices: Devices;
}
