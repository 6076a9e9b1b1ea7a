/**
 * Headings, texts and actions of the pages outside a call: errors, removed, ended, left. Pure; the words are
 * those of UI.md section 5.
 */
import type { ErrorCode } from '../engine';
import type { IconName } from '../ui/icons';

/** What a button of such a page does; the app knows how. */
export type NoticeAct = 'again' | 'without' | 'copy' | 'start' | 'reload' | 'rejoin';

export interface NoticeButton {
  readonly act: NoticeAct;
  readonly text: string;
}

export interface NoticeWords {
  readonly heading: string;
  readonly text: string;
  readonly icon: IconName;
  /** Nothing is wrong: no coral. */
  readonly calm: boolean;
  /** The first is the primary one. */
  readonly buttons: readonly NoticeButton[];
}

/** Which devices a `media.*` error is about. */
export type DeviceNoun = 'camera' | 'microphone' | 'camera and microphone';

const START: NoticeButton = { act: 'start', text: 'Back to start' };
const AGAIN: NoticeButton = { act: 'again', text: 'Try again' };
const REJOIN: NoticeButton = { act: 'rejoin', text: 'Join again' };
const GONE = 'Camera and microphone are off. The keys have been erased from this device.';

export function noticeWords(code: ErrorCode, device: DeviceNoun = 'camera'): NoticeWords {
  switch (code) {
    case 'media.denied':
    case 'media.missing':
    case 'media.busy':
    case 'media.failed':
      return mediaNotice(code, device);
    case 'link.no_secret':
      return wrong('link', 'This link is missing its key', 'The part after # was cut off, perhaps by a mail or chat program. Without it nothing can be opened, not even by the server. Ask for the whole link again.', START);
    case 'link.invalid':
      return wrong('link', 'This is not a meeting link', 'Something in it is missing or was changed on the way. Ask whoever invited you for the whole link.', START);
    case 'browser.unsupported':
      return wrong('shield-alert', 'This browser cannot seal calls', 'Sotto needs a current Firefox, Chrome, Edge or Safari. We would rather not connect than connect unsealed.', { act: 'copy', text: 'Copy the link' });
    case 'e2ee.failed':
      return wrong('shield-alert', 'The call could not be sealed', 'We would rather not connect than connect unsealed. Load the page again. If it stays so, tell whoever runs this server.', { act: 'reload', text: 'Load again' }, START);
    case 'removed':
      return wrong('people', 'You were taken out of the call', GONE, START);
    case 'ended':
      return { ...wrong('check', 'The call is over', GONE, START), calm: true };
    case 'internal':
      return wrong('warn', 'Something in this page broke', `The call has stopped here. ${GONE}`, REJOIN, START);
    default:
      return roomNotice(code);
  }
}

type RoomCode = 'room.denied' | 'room.full' | 'room.locked' | 'codec.unsupported' | 'server.unreachable' | 'server.refused';

function roomNotice(code: RoomCode): NoticeWords {
  switch (code) {
    case 'room.denied':
      return wrong('lock', 'You cannot come in here', 'The link is wrong, has run out, or the room is closed. Ask whoever invited you.', START);
    case 'room.full':
      return wrong('people', 'The room is full', 'Nobody else fits in right now. When somebody leaves, you can come in.', AGAIN, START);
    case 'room.locked':
      return wrong('lock', 'The room is locked', 'The host closed the door.', AGAIN, START);
    case 'codec.unsupported':
      return wrong('screen', 'This browser cannot show this room\u2019s video', 'Update it, or ask the host to choose another video format.', START);
    case 'server.unreachable':
      return wrong('sig1', 'The server does not answer', 'We try again every few seconds.', { act: 'again', text: 'Try now' }, START);
    case 'server.refused':
      return wrong('warn', 'The server turned the call down', 'This page and the server do not understand each other. Load the page again.', { act: 'reload', text: 'Load again' }, START);
  }
}

function wrong(icon: IconName, heading: string, text: string, ...buttons: NoticeButton[]): NoticeWords {
  return { heading, text, icon, calm: false, buttons };
}

type MediaCode = 'media.denied' | 'media.missing' | 'media.busy' | 'media.failed';

function mediaNotice(code: MediaCode, device: DeviceNoun): NoticeWords {
  const icon: IconName = device === 'microphone' ? 'mic-off' : 'cam-off';
  const without: NoticeButton = { act: 'without', text: `Join without ${device === 'camera and microphone' ? 'both' : device}` };
  const effect = device === 'camera' ? 'join without a picture. Others will see your name.' : device === 'microphone' ? 'join without sound. Others will not hear you.' : 'join without them. You will see and hear the others.';
  switch (code) {
    case 'media.denied':
      return wrong(icon, `The browser blocks your ${device}`, `You said no to the ${device} before, or a setting does. Click the ${device === 'microphone' ? 'microphone' : 'camera'} sign beside the address, choose Allow, then try again.`, AGAIN, without);
    case 'media.missing':
      return wrong(icon, `No ${device} found`, `Plug one in, or ${effect}`, { act: 'again', text: 'Look again' }, without);
    case 'media.busy':
      return wrong(icon, `Another program uses your ${device}`, 'Close it there, then try again.', AGAIN, without);
    case 'media.failed':
      return wrong(icon, `Your ${device} did not start`, `Unplug it and plug it in again, or ${effect}`, AGAIN, without);
  }
}

export const LEFT_WORDS: NoticeWords = {
  heading: 'You left the call',
  text: 'Camera and microphone are off. The keys of this call have been erased from this device.',
  icon: 'check',
  calm: true,
  buttons: [REJOIN, START],
};

/** One short sentence for a toast, when a device fails in mid-call. */
export function deviceTrouble(code: ErrorCode, device: 'camera' | 'microphone'): string {
  switch (code) {
    case 'media.denied':
      return `The browser blocks your ${device}. Click the sign beside the address and choose Allow.`;
    case 'media.missing':
      return `No ${device} found.`;
    case 'media.busy':
      return `Another program uses your ${device}. Close it there, then try again.`;
    default:
      return `Your ${device} did not start.`;
  }
}
