/**
 * The lobby: preview, meter, choice of devices, name. It owns its tracks until a call takes them over or it
 * is closed; a light that is on always belongs to somebody.
 */
import { computed, signal, type ReadonlySignal } from '@preact/signals';
import { type DeviceChoice, type Engine, type ErrorCode, type LevelProbe, type OwnDevice, type RoomLink, SottoError } from '../engine';
import type { DeviceNoun } from '../text/notices';
import type { Prefs } from './prefs';

export type OwnKind = 'microphone' | 'camera';

interface Slot {
  readonly track: MediaStreamTrack | null;
  /** Wanted on; an error or a pending prompt may still keep it from being so. */
  readonly on: boolean;
  readonly pending: boolean;
  readonly error: ErrorCode | null;
}

export class LobbyModel {
  readonly name = signal('');
  readonly devices = signal<readonly DeviceChoice[]>([]);
  readonly speakerId = signal('');
  readonly joining = signal(false);
  readonly preview: ReadonlySignal<MediaStream | null>;
  readonly microphone = signal<Slot>({ track: null, on: true, pending: false, error: null });
  readonly camera = signal<Slot>({ track: null, on: true, pending: false, error: null });
  private readonly chosen: Record<OwnKind, string>;
  private probe: LevelProbe | null = null;
  private closed = false;
  private readonly asked = new Set<Promise<void>>();
  private readonly stopWatching: () => void;

  constructor(
    private readonly engine: Engine,
    private readonly prefs: Prefs,
    readonly link: RoomLink,
  ) {
    const memory = prefs.tab();
    this.name.value = link.name ?? memory.name;
    this.chosen = { microphone: memory.microphoneId, camera: memory.cameraId };
    this.speakerId.value = memory.speakerId;
    this.microphone.value = { ...this.microphone.value, on: memory.microphoneOn };
    this.camera.value = { ...this.camera.value, on: memory.cameraOn };
    this.preview = computed(() => (this.camera.value.track === null ? null : new MediaStream([this.camera.value.track])));
    this.stopWatching = engine.devices.onChange(() => void this.list());
  }

  /** Ask for what is wanted on. Resolves when the browser has answered; errors are in the slots. */
  async start(): Promise<void> {
    const wanted = (['microphone', 'camera'] as const).filter((kind) => this[kind].value.on);
    await Promise.all(wanted.map((kind) => this.open(kind)));
    await this.list();
  }

  /** Resolves when no permission prompt is open any more. */
  async settled(): Promise<void> {
    await Promise.all(this.asked);
  }

  toggle(kind: OwnKind): void {
    const slot = this[kind].value;
    if (slot.pending) return;
    const on = !(slot.on && slot.track !== null);
    this.prefs.rememberTab(kind === 'camera' ? { cameraOn: on } : { microphoneOn: on });
    if (on) void this.open(kind);
    else this.drop(kind, { on: false, error: null });
  }

  /** Go on without what did not work. */
  without(): void {
    for (const kind of ['microphone', 'camera'] as const) {
      if (this[kind].value.error !== null) this.drop(kind, { on: false, error: null });
    }
  }

  choose(kind: OwnKind, deviceId: string): void {
    this.chosen[kind] = deviceId;
    this.prefs.rememberTab(kind === 'camera' ? { cameraId: deviceId } : { microphoneId: deviceId });
    if (this[kind].value.on) void this.open(kind);
  }

  chooseSpeaker(deviceId: string): void {
    this.speakerId.value = deviceId;
    this.prefs.rememberTab({ speakerId: deviceId });
  }

  chosenId(kind: OwnKind): string {
    return this[kind].value.track?.getSettings().deviceId ?? this.chosen[kind];
  }

  rename(name: string): void {
    this.name.value = name;
    this.prefs.rememberTab({ name });
  }

  /** 0..100. */
  level(): number {
    return this.probe?.value() ?? 0;
  }

  /** Slot as a device, so that the words of the dock fit here too. */
  asDevice(kind: OwnKind): OwnDevice {
    const { track, on, pending, error } = this[kind].value;
    return { active: track !== null, muted: !on, deviceId: null, label: track?.label ?? '', error, pending };
  }

  /** What went wrong, in one: `device` says with which of the two. */
  trouble(): { code: ErrorCode; device: DeviceNoun } | null {
    const [mic, cam] = [this.microphone.value.error, this.camera.value.error];
    if (cam !== null && cam === mic) return { code: cam, device: 'camera and microphone' };
    if (cam !== null) return { code: cam, device: 'camera' };
    return mic === null ? null : { code: mic, device: 'microphone' };
  }

  /** Hand the tracks to a call: from here on they are its own. */
  take(): { microphone: MediaStreamTrack | null; camera: MediaStreamTrack | null; microphoneMuted: boolean } {
    const taken = { microphone: this.microphone.value.track, camera: this.camera.value.track, microphoneMuted: !this.microphone.value.on };
    this.microphone.value = { ...this.microphone.value, track: null };
    this.camera.value = { ...this.camera.value, track: null };
    this.close();
    return taken;
  }

  close(): void {
    this.closed = true;
    this.stopWatching();
    this.drop('microphone', {});
    this.drop('camera', {});
  }

  private open(kind: OwnKind): Promise<void> {
    const work = this.request(kind);
    this.asked.add(work);
    return work.finally(() => this.asked.delete(work));
  }

  private async request(kind: OwnKind): Promise<void> {
    const slot = this[kind];
    slot.value = { ...slot.value, on: true, pending: true, error: null };
    try {
      const track = await this.openTrack(kind);
      if (this.closed) return track.stop();
      slot.value.track?.stop();
      slot.value = { track, on: true, pending: false, error: null };
      track.onended = () => this.lost(kind, track);
      if (kind === 'microphone') this.listen(track);
    } catch (error) {
      const code = error instanceof SottoError ? error.code : 'media.failed';
      this.drop(kind, { pending: false, error: code });
    }
    if (!this.closed) await this.list();
  }

  /** The device chosen before may be gone: then the default one. */
  private async openTrack(kind: OwnKind): Promise<MediaStreamTrack> {
    const open = (id?: string): Promise<MediaStreamTrack> => (kind === 'camera' ? this.engine.devices.openCamera(id) : this.engine.devices.openMicrophone(id));
    const wanted = this.chosen[kind];
    if (wanted === '') return open();
    try {
      return await open(wanted);
    } catch (error) {
      if (!(error instanceof SottoError) || error.code !== 'media.missing') throw error;
      this.chosen[kind] = '';
      return open();
    }
  }

  private lost(kind: OwnKind, track: MediaStreamTrack): void {
    if (this[kind].value.track !== track) return;
    this.chosen[kind] = '';
    void this.open(kind);
  }

  private listen(track: MediaStreamTrack): void {
    this.probe?.close();
    this.probe = this.engine.devices.levelOf(track);
  }

  private drop(kind: OwnKind, change: Partial<Slot>): void {
    const { track } = this[kind].value;
    if (track !== null) {
      track.onended = null;
      track.stop();
    }
    if (kind === 'microphone') {
      this.probe?.close();
      this.probe = null;
    }
    this[kind].value = { ...this[kind].value, track: null, ...change };
  }

  private async list(): Promise<void> {
    this.devices.value = await this.engine.devices.list();
  }
}
