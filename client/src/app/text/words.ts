/**
 * The words on and behind controls, as functions of state. Pure; UI.md section 4 is their source.
 *
 * A caption names the act ("Mute"); a label, for screen readers, names state and act.
 */
import type { ErrorCode, OwnDevice, Participant, QualityLevel, SealState, Shield } from '../engine';
import type { IconName } from '../ui/icons';
import { shownName } from './clean';

export interface ControlWords {
  readonly caption: string;
  readonly label: string;
  readonly icon: IconName;
  readonly pressed: boolean;
  /** Stopped, or needs you: coral. */
  readonly off: boolean;
  /** Cannot be used right now; the label says why. */
  readonly waiting: boolean;
}

interface DeviceNames {
  readonly name: 'Microphone' | 'Camera';
  readonly short: 'mic' | 'camera';
  readonly on: ControlWords;
  readonly off: ControlWords;
}

const PLAIN = { pressed: true, off: false, waiting: false } as const;
const STOPPED = { pressed: false, off: true, waiting: false } as const;

const MICROPHONE: DeviceNames = {
  name: 'Microphone',
  short: 'mic',
  on: { ...PLAIN, caption: 'Mute', label: 'Microphone is on. Turn off', icon: 'mic' },
  off: { ...STOPPED, caption: 'Unmute', label: 'Microphone is off. Turn on', icon: 'mic-off' },
};

const CAMERA: DeviceNames = {
  name: 'Camera',
  short: 'camera',
  on: { ...PLAIN, caption: 'Camera', label: 'Camera is on. Turn off', icon: 'cam' },
  off: { ...STOPPED, caption: 'Start video', label: 'Camera is off. Turn on', icon: 'cam-off' },
};

/** `held`: the space bar is down, so the microphone is open only as long. */
export function microphoneWords(device: OwnDevice, held = false): ControlWords {
  if (held) return { ...MICROPHONE.on, caption: 'Release', label: 'Microphone is on while you hold the space bar' };
  return deviceWords(device, MICROPHONE);
}

export function cameraWords(device: OwnDevice): ControlWords {
  return deviceWords(device, CAMERA);
}

function deviceWords(device: OwnDevice, names: DeviceNames): ControlWords {
  if (device.pending) return { ...names.off, off: false, waiting: true, caption: 'Starting', label: `${names.name} is starting` };
  if (device.active && !device.muted) return names.on;
  return device.error === null ? names.off : { ...names.off, ...troubleWords(device.error, names) };
}

function troubleWords(code: ErrorCode, { name, short }: DeviceNames): { caption: string; label: string } {
  switch (code) {
    case 'media.denied':
      return { caption: 'Blocked', label: `The browser blocks your ${name.toLowerCase()}. Try again` };
    case 'media.busy':
      return { caption: 'In use', label: `Another program uses your ${name.toLowerCase()}. Try again` };
    case 'media.missing':
      return { caption: `No ${short}`, label: `No ${name.toLowerCase()} found. Look again` };
    default:
      return { caption: `No ${short}`, label: `${name} did not start. Try again` };
  }
}

export function screenWords(screen: OwnDevice): ControlWords {
  const icon = 'screen';
  if (screen.pending) return { caption: 'Starting', label: 'Choose what to share', icon, pressed: false, off: false, waiting: true };
  return screen.active
    ? { caption: 'Stop sharing', label: 'You are sharing your screen. Stop', icon, pressed: true, off: false, waiting: false }
    : { caption: 'Share', label: 'Share your screen', icon, pressed: false, off: false, waiting: false };
}

export interface BadgeWords {
  readonly text: string;
  readonly icon: IconName;
}

/** `keys` counts the keys held here, not what the server reports. */
export function badgeWords(state: SealState, keys: number): BadgeWords {
  switch (state) {
    case 'connecting':
      return { text: 'Sealing the call', icon: 'shield' };
    case 'encrypted':
      return { text: `Sealed for ${keys}`, icon: 'shield-check' };
    case 'verified':
      return { text: 'Sealed and verified', icon: 'shield-full' };
    case 'alarm':
      return { text: 'Something is wrong', icon: 'shield-alert' };
  }
}

export interface ShieldWords {
  readonly text: string;
  readonly icon: IconName;
  readonly tone: 'sealed' | 't2';
}

export function shieldWords(shield: Shield, keyed: boolean): ShieldWords {
  if (!keyed) return { text: 'Not sealed with you yet', icon: 'shield', tone: 't2' };
  switch (shield) {
    case 'link':
      return { text: 'Sealed, same link', icon: 'shield-check', tone: 'sealed' };
    case 'none':
      return { text: 'Not checked', icon: 'shield', tone: 't2' };
  }
}

export function qualityWords(quality: QualityLevel): string {
  switch (quality) {
    case 'good':
      return 'Connection: good';
    case 'fair':
      return 'Connection: fair';
    case 'poor':
      return 'Connection: poor';
    case 'unknown':
      return 'Connection: not measured yet';
  }
}

export function personName(person: Participant): string {
  return person.isSelf ? 'You' : shownName(person.name);
}

/** A tile's name for screen readers: who, voice, picture, seal. */
export function tileLabel(person: Participant, pinned: boolean): string {
  const voice = person.voice.speaking && !person.voice.muted ? 'speaking' : hears(person) ? 'microphone on' : 'microphone off';
  const picture = { off: 'camera off', waiting: 'picture is coming', paused: 'picture paused', unseated: 'no picture now', withheld: 'picture withheld', live: '' };
  const seal = person.isSelf ? '' : shieldWords(person.shield, person.keyed).text.toLowerCase();
  return [personName(person), voice, picture[person.camera.state], pinned ? 'pinned' : '', seal].filter((part) => part !== '').join(', ');
}

export function hears(person: Participant): boolean {
  return person.voice.active && !person.voice.muted;
}

export function screenTitle(person: Participant): string {
  return person.isSelf ? 'Your screen' : `${shownName(person.name)}\u2019s screen`;
}

/** Several arrivals or departures in one sentence: "Mara and 3 others came in". */
export function cameOrLeft(names: readonly string[], act: 'came in' | 'left'): string {
  const [first, second] = names;
  if (first === undefined) return '';
  if (second === undefined) return `${first} ${act}`;
  if (names.length === 2) return `${first} and ${second} ${act}`;
  return `${first} and ${names.length - 1} others ${act}`;
}

export function backWords(missedMs: number): string {
  const seconds = Math.max(1, Math.round(missedMs / 1000));
  return `You are back. You missed ${seconds} ${seconds === 1 ? 'second' : 'seconds'}.`;
}
