/** Everything that crosses between the page and the E2EE worker. Keys and plaintext frames never do. */
import type { Bytes } from './bytes.ts';
import type { MemberId } from './key_ring.ts';

export type SourceKind = 'microphone' | 'camera' | 'screen' | 'screen_audio';
export type MediaKind = 'audio' | 'video';

/** Context numbers of the KID (E2EE.md 5.5). */
export const CONTEXTS: Readonly<Record<SourceKind, number>> = {
  microphone: 0, camera: 1, screen: 2, screen_audio: 3,
};

/** Who may be heard or seen in a seat. Null: no one yet. `any_microphone`: any member, context 0 only. */
export type Expected = { readonly pid: string; readonly ctx: number } | 'any_microphone' | null;

/** Why a frame went no further. The same words in the Python client. */
export const DROP_REASONS = [
  'empty', // zero-length frames are normal (E2EE.md 2.2.5)
  'unknown_codec', // none, or one we refuse
  'bad_frame', // sending: not a frame of its codec, so no shim can be made
  'no_key', // sending: our own key is not there yet
  'exhausted', // sending: the counter of this key is spent
  'short', // ends inside the header or has no whole tag
  'malformed', // shim or header not in its one form
  'unknown_epoch',
  'unknown_key', // well-formed, but we hold no key of that leaf; held before it was dropped
  'sender_mismatch', // of a member who is not announced for this seat; held before it was dropped
  'ctx_mismatch', // of the announced member, but another source; held before it was dropped
  'dup', // seen before; normal (E2EE.md 2.2.4)
  'old', // below the replay window
  'auth', // the tag does not fit
  'overflow', // too many frames waited
] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** Totals since the transform began. */
export interface TransformCounts {
  readonly transform: number;
  readonly direction: 'seal' | 'open';
  /** Seat and kind of a receiver; null for a sender. */
  readonly seat: number | null;
  readonly media: MediaKind;
  readonly framesIn: number;
  readonly framesOut: number;
  readonly aeadCalls: number;
  readonly drops: Readonly<Record<DropReason, number>>;
}

export interface DropCounts {
  /** Only those that changed since the last report. */
  readonly transforms: readonly TransformCounts[];
  /** Key announcements refused since the worker began. */
  readonly startsRefused: number;
}

export type AlarmKind = 'sender_mismatch' | 'ctx_mismatch' | 'unsealed';

export interface AlarmRaised {
  readonly kind: AlarmKind;
  readonly seat: number;
  readonly media: MediaKind;
  /** From the KID; null when the frame did not authenticate. */
  readonly leaf: number | null;
  readonly frames: number;
  /** Milliseconds since the first of these frames arrived. */
  readonly sinceMs: number;
}

export interface SenderChanged {
  readonly seat: number;
  readonly kind: MediaKind;
  readonly leaf: number;
  readonly ctx: number;
  /** Whose key opened the frame. */
  readonly pid: string;
}

/** `options` of the RTCRtpScriptTransform. */
export type TransformOptions = { readonly id: number; readonly media: MediaKind } & (
  | { readonly direction: 'seal'; readonly ctx: number }
  | { readonly direction: 'open'; readonly seat: number }
) & { readonly test?: TestOptions };

/** Read by test builds only. */
export interface TestOptions {
  readonly passthrough: boolean;
  readonly recordPlaintext: boolean;
}

export type Request =
  | { readonly kind: 'init'; readonly room: string; readonly secret: Bytes }
  | { readonly kind: 'joined'; readonly self: MemberId }
  | { readonly kind: 'memberStart'; readonly from: MemberId; readonly body: string }
  | { readonly kind: 'memberLeft'; readonly pid: string }
  | { readonly kind: 'sealName'; readonly name: string }
  | { readonly kind: 'openName'; readonly sealed: string };

export type Command =
  | { readonly kind: 'expect'; readonly seat: number; readonly media: MediaKind; readonly who: Expected }
  | { readonly kind: 'payloadTypes'; readonly types: readonly (readonly [number, string])[] }
  | { readonly kind: 'keyFrame'; readonly ctx: number }
  | { readonly kind: 'close' };

export type ToWorker = (Request & { readonly request: number }) | Command;

export type FromWorker =
  | { readonly kind: 'reply'; readonly request: number; readonly value: string | boolean | null }
  | { readonly kind: 'refused'; readonly request: number; readonly reason: string }
  | { readonly kind: 'transformReady'; readonly id: number }
  | { readonly kind: 'firstSealed'; readonly id: number }
  | { readonly kind: 'keyFrameNeeded'; readonly id: number }
  | { readonly kind: 'senderChanged'; readonly sender: SenderChanged }
  | { readonly kind: 'alarm'; readonly alarm: AlarmRaised }
  | { readonly kind: 'alarmCleared'; readonly seat: number; readonly media: MediaKind }
  | { readonly kind: 'counts'; readonly counts: DropCounts }
  | { readonly kind: 'failed'; readonly reason: string }
  | TestRecord;

/** Posted by test builds only. */
export type TestRecord =
  | { readonly kind: 'testKeyUse'; readonly hash: string }
  | { readonly kind: 'testPlaintext'; readonly ctx: number; readonly codec: string; readonly frame: ArrayBuffer };
