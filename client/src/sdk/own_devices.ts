/** The person's own microphone, camera and screen: opened, muted, replaced, lost, stopped. */
import { devices, type LevelMeter, mediaError } from './devices';
import type { ErrorCode, OwnDevice, SourceKind } from './types';
import { SottoError } from './types';

type Device = 'microphone' | 'camera' | 'screen';

interface Slot {
  track: MediaStreamTrack | null;
  muted: boolean;
  error: ErrorCode | null;
  pending: boolean;
}

export interface OwnDeviceEvents {
  /** Send this on that source from now on (null: nothing). */
  send(source: SourceKind, track: MediaStreamTrack | null): Promise<void>;
  /** Something the server or the page should know of has changed. */
  changed(): void;
}

export class OwnDevices {
  readonly #events: OwnDeviceEvents;
  readonly #slots: Record<Device, Slot> = {
    microphone: empty(),
    camera: empty(),
    screen: empty(),
  };
  #screenAudio: MediaStreamTrack | null = null;
  #meter: LevelMeter | null = null;
  #selfView: MediaStream | null = null;

  constructor(events: OwnDeviceEvents) {
    this.#events = events;
  }

  /** Take over the lobby's tracks. */
  start(microphone: MediaStreamTrack | null, camera: MediaStreamTrack | null, muted: boolean): void {
    this.#slots.microphone.muted = muted;
    this.#put('microphone', microphone);
    this.#put('camera', camera);
    this.#slots.camera.muted = camera === null;
  }

  state(device: Device): OwnDevice {
    const { track, muted, error, pending } = this.#slots[device];
    return {
      active: track !== null,
      muted,
      deviceId: track?.getSettings().deviceId ?? null,
      label: track?.label ?? '',
      error,
      pending,
    };
  }

  /** What each source sends now: muted microphones send nothing (SEATS C4). */
  outgoing(): [SourceKind, MediaStreamTrack | null][] {
    const { microphone, camera, screen } = this.#slots;
    return [
      ['microphone', microphone.muted ? null : microphone.track],
      ['camera', camera.track],
      ['screen', screen.track],
      ['screen_audio', this.#screenAudio],
    ];
  }

  /** State for `join`, `publish` and `resume`. */
  tracks(): { source: SourceKind; active: boolean; muted: boolean }[] {
    const { microphone, camera, screen } = this.#slots;
    return [
      { source: 'microphone', active: microphone.track !== null, muted: microphone.muted },
      { source: 'camera', active: camera.track !== null, muted: false },
      { source: 'screen', active: screen.track !== null, muted: false },
      { source: 'screen_audio', active: this.#screenAudio !== null, muted: false },
    ];
  }

  selfView(): MediaStream | null {
    return this.#selfView;
  }

  screenView(): MediaStream | null {
    const track = this.#slots.screen.track;
    return track === null ? null : new MediaStream([track]);
  }

  /** Loudness of the own microphone, muted or not. */
  level(): number {
    return this.#meter?.value() ?? 0;
  }

  async muteMicrophone(muted: boolean): Promise<void> {
    const slot = this.#slots.microphone;
    slot.muted = muted;
    if (slot.track !== null) slot.track.enabled = !muted; // acts at once, whatever the network does
    if (!muted && slot.track === null) await this.#open('microphone', () => devices.openMicrophone());
    else await this.#send('microphone');
  }

  /** Off stops the device, so that its light goes out. */
  async muteCamera(muted: boolean): Promise<void> {
    const slot = this.#slots.camera;
    slot.muted = muted;
    if (muted) {
      this.#put('camera', null);
      await this.#send('camera');
    } else if (slot.track === null) {
      await this.#open('camera', () => devices.openCamera());
    }
  }

  chooseMicrophone(deviceId: string): Promise<void> {
    return this.#open('microphone', () => devices.openMicrophone(deviceId));
  }

  chooseCamera(deviceId: string): Promise<void> {
    this.#slots.camera.muted = false;
    return this.#open('camera', () => devices.openCamera(deviceId));
  }

  /** @throws SottoError when the person or the browser said no. */
  async startScreen(): Promise<void> {
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 15 } }, audio: true });
    } catch (problem) {
      throw mediaError(problem);
    }
    const [video] = stream.getVideoTracks();
    if (video === undefined) throw new SottoError('media.failed', 'no picture came with the screen');
    video.contentHint = 'detail';
    this.#put('screen', video);
    this.#screenAudio = stream.getAudioTracks()[0] ?? null;
    await Promise.all([this.#send('screen'), this.#send('screen_audio')]);
  }

  async stopScreen(): Promise<void> {
    this.#put('screen', null);
    this.#screenAudio?.stop();
    this.#screenAudio = null;
    await Promise.all([this.#send('screen'), this.#send('screen_audio')]);
  }

  /** Every light goes out. */
  stop(): void {
    for (const device of ['microphone', 'camera', 'screen'] as const) this.#put(device, null);
    this.#screenAudio?.stop();
    this.#screenAudio = null;
  }

  async #open(device: 'microphone' | 'camera', open: () => Promise<MediaStreamTrack>): Promise<void> {
    const slot = this.#slots[device];
    slot.pending = true;
    this.#events.changed();
    try {
      const track = await open();
      if (slot.muted && device === 'camera') track.stop(); // turned off again while it was starting
      else this.#put(device, track);
      slot.error = null;
    } catch (problem) {
      slot.error = mediaError(problem).code;
      if (slot.track === null) slot.muted = true;
    } finally {
      slot.pending = false;
    }
    await this.#send(device);
  }

  async #send(source: SourceKind): Promise<void> {
    this.#events.changed();
    const track = this.outgoing().find(([name]) => name === source)?.[1] ?? null;
    await this.#events.send(source, track);
  }

  #put(device: Device, track: MediaStreamTrack | null): void {
    const slot = this.#slots[device];
    if (slot.track !== null && slot.track !== track) {
      slot.track.onended = null;
      slot.track.stop();
    }
    slot.track = track;
    if (track !== null) track.onended = () => void this.#lost(device, track);
    if (device === 'microphone') this.#measure(track);
    if (device === 'camera') this.#selfView = track === null ? null : new MediaStream([track]);
    if (device === 'microphone' && track !== null) track.enabled = !slot.muted;
  }

  #measure(track: MediaStreamTrack | null): void {
    this.#meter?.close();
    this.#meter = track === null ? null : devices.levelOf(track);
  }

  /** Unplugged, or stopped from the browser's own bar. The system's default takes over, if there is one. */
  async #lost(device: Device, track: MediaStreamTrack): Promise<void> {
    if (this.#slots[device].track !== track) return;
    if (device === 'screen') return this.stopScreen();
    this.#slots[device].track = null;
    if (device === 'microphone') await this.#open('microphone', () => devices.openMicrophone());
    else await this.#open('camera', () => devices.openCamera());
  }
}

function empty(): Slot {
  return { track: null, muted: false, error: null, pending: false };
}
