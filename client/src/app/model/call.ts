/**
 * One call on the screen: the SDK's snapshot plus what only this screen knows (view, pin, page, panel).
 *
 * Everything that depends on time is decided in `tick`, which runs after each snapshot and twice a second.
 */
import { computed, signal, type ReadonlySignal, type Signal } from '@preact/signals';
import { type CallHandle, type CallSnapshot, type Devices, type Participant, SottoError } from '../engine';
import { pageCapacity } from '../layout/grid';
import type { Corner, TileKey, TileSeed, ViewMode } from '../layout/stage';
import { deviceTrouble } from '../text/notices';
import { Floor } from './floor';
import { NewsDesk, unplugged } from './news';
import { PageOrder } from './order';
import type { Prefs } from './prefs';
import { Sustained } from './sustained';
import type { Toasts } from './toasts';

export interface CallParts {
  readonly call: CallHandle;
  readonly devices: Devices;
  readonly toasts: Toasts;
  readonly prefs: Prefs;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

const TICK_MS = 500;
const WEAK_MS = 4000; // a shorter dip is not worth a word
const OUTSIDE_MS = 15_000;
export const AWAY_MS = 60_000;
const MUTED_TALK_LEVEL = 35;
const MUTED_TALK_EVERY_MS = 60_000;

export class CallModel {
  readonly snapshot: Signal<CallSnapshot>;
  readonly mode = signal<ViewMode>('grid');
  readonly pinned = signal<TileKey | null>(null);
  readonly selfHidden = signal(false);
  readonly corner = signal<Corner>(3);
  readonly page = signal(0);
  readonly peopleOpen = signal(false);
  /** The space bar holds the microphone open. */
  readonly held = signal(false);
  /** Pids whose connection has been poor for a while. */
  readonly weak = signal<ReadonlySet<string>>(new Set());
  /** Pids that have not been part of the sealed call for a while. */
  readonly outside = signal<ReadonlySet<string>>(new Set());
  /** Since when the network is gone; null while it is there. */
  readonly droppedAt = signal<number | null>(null);
  readonly clockMs: Signal<number>;
  readonly capacity = signal(25);
  /** Pids in the order of the pages. */
  readonly order = signal<readonly string[]>([]);
  readonly tiles: ReadonlySignal<readonly TileSeed[]> = computed(() => this.seeds());
  readonly large: ReadonlySignal<TileKey | null> = computed(() => this.chooseLarge());
  readonly effectiveMode: ReadonlySignal<ViewMode> = computed(() => (this.pinned.value !== null ? 'speaker' : this.mode.value));
  private readonly floorPid = signal<string | null>(null);
  private readonly floor = new Floor();
  private readonly pageOrder = new PageOrder();
  private readonly weakness = new Sustained(WEAK_MS);
  private readonly absence = new Sustained(OUTSIDE_MS);
  private readonly mutedTalk = new Sustained(TICK_MS);
  private readonly news = new NewsDesk();
  private mutedTalkSaidAt = 0;
  private modeBeforeScreen: ViewMode | null = null;
  private readonly unsubscribe: () => void;
  private readonly timer: ReturnType<typeof setInterval>;

  constructor(readonly parts: CallParts) {
    this.snapshot = signal(parts.call.snapshot);
    this.clockMs = signal(parts.now());
    this.unsubscribe = parts.call.subscribe((next) => this.receive(next));
    this.timer = setInterval(() => this.tick(), TICK_MS);
    this.tick();
  }

  get call(): CallHandle {
    return this.parts.call;
  }

  dispose(): void {
    this.unsubscribe();
    clearInterval(this.timer);
  }

  person(pid: string): Participant | undefined {
    return this.snapshot.value.participants.find((one) => one.pid === pid);
  }

  resized(windowWidth: number, windowHeight: number): void {
    this.capacity.value = pageCapacity(windowWidth, windowHeight);
  }

  toggleView(): void {
    const next: ViewMode = this.effectiveMode.value === 'grid' ? 'speaker' : 'grid';
    this.pinned.value = null;
    this.mode.value = next;
    this.modeBeforeScreen = null; // a choice of one's own outlives the shared screen
  }

  togglePin(key: TileKey): void {
    this.pinned.value = this.pinned.value === key ? null : key;
  }

  toggleMicrophone(): void {
    const { microphone } = this.snapshot.value;
    if (microphone.pending) return;
    const muted = microphone.active && !microphone.muted;
    this.parts.prefs.rememberTab({ microphoneOn: !muted });
    this.attempt(this.call.setMicrophoneMuted(muted), 'microphone');
  }

  toggleCamera(): void {
    const { camera } = this.snapshot.value;
    if (camera.pending) return;
    const muted = camera.active && !camera.muted;
    this.parts.prefs.rememberTab({ cameraOn: !muted });
    this.attempt(this.call.setCameraMuted(muted), 'camera');
  }

  /** Push to talk. Only opens a microphone that was muted, and only such a one is muted again. */
  hold(down: boolean): void {
    const { microphone } = this.snapshot.value;
    if (down === this.held.value || (down && (!microphone.active || !microphone.muted))) return;
    this.held.value = down;
    this.attempt(this.call.setMicrophoneMuted(!down), 'microphone');
  }

  toggleScreen(): void {
    const { screen } = this.snapshot.value;
    if (screen.pending) return;
    if (screen.active) void this.call.stopScreen();
    else this.call.startScreen().catch((error: unknown) => this.screenTrouble(error));
  }

  chooseMicrophone(deviceId: string): void {
    this.parts.prefs.rememberTab({ microphoneId: deviceId });
    this.attempt(this.call.chooseMicrophone(deviceId), 'microphone');
  }

  chooseCamera(deviceId: string): void {
    this.parts.prefs.rememberTab({ cameraId: deviceId });
    this.attempt(this.call.chooseCamera(deviceId), 'camera');
  }

  chooseSpeaker(deviceId: string): void {
    this.parts.prefs.rememberTab({ speakerId: deviceId });
    this.call.chooseSpeaker(deviceId).catch(() => this.parts.toasts.show('That speaker cannot be used.'));
  }

  private attempt(act: Promise<void>, device: 'camera' | 'microphone'): void {
    act.catch((error: unknown) => {
      const code = error instanceof SottoError ? error.code : 'media.failed';
      this.parts.toasts.show(deviceTrouble(code, device));
    });
  }

  private screenTrouble(error: unknown): void {
    const refused = error instanceof SottoError && error.code === 'media.denied';
    if (!refused) this.parts.toasts.show('Your screen could not be shared.'); // closing the chooser is no trouble
  }

  private receive(received: CallSnapshot): void {
    const before = this.snapshot.value;
    const next = keepFaces(before, received);
    const now = this.parts.now();
    const told = this.news.observe(before, next, now);
    this.snapshot.value = next;
    for (const item of told) this.tell(item.text, item.quiet);
    this.followScreens(before, next);
    this.followNetwork(next, now);
    this.followTrouble(before, next);
    void this.followDevices(before, next);
    this.tick();
  }

  private tick(): void {
    const now = this.parts.now();
    const { participants } = this.snapshot.value;
    const voices = participants.map(({ pid, isSelf, voice }) => ({ pid, isSelf, speaking: voice.speaking && !voice.muted }));
    this.floorPid.value = this.floor.update(voices, now);
    this.order.value = keepEqual(this.order.value, this.pageOrder.update(voices, this.capacity.value, now));
    const poor = participants.filter((one) => one.quality === 'poor').map((one) => one.pid);
    this.weak.value = keepSet(this.weak.value, this.weakness.update(poor, now));
    const away = participants.filter((one) => !one.keyed && !one.isSelf).map((one) => one.pid);
    this.outside.value = keepSet(this.outside.value, this.absence.update(away, now));
    for (const item of this.news.due(this.snapshot.value, now)) this.tell(item.text, item.quiet);
    this.remindMuted(now);
    this.clockMs.value = Math.floor(now / 1000) * 1000;
  }

  private tell(text: string, quiet: boolean): void {
    if (quiet) this.parts.toasts.say(text);
    else this.parts.toasts.show(text);
  }

  /** A shared screen switches to speaker view by itself, and back after it ends. */
  private followScreens(before: CallSnapshot, next: CallSnapshot): void {
    const [had, has] = [otherScreens(before).length > 0, otherScreens(next).length > 0];
    if (!had && has) {
      this.modeBeforeScreen = this.mode.value;
      this.mode.value = 'speaker';
    } else if (had && !has && this.modeBeforeScreen !== null) {
      this.mode.value = this.modeBeforeScreen;
      this.modeBeforeScreen = null;
    }
    const pinned = this.pinned.value;
    if (pinned !== null && !this.tiles.value.some((tile) => tile.key === pinned)) this.pinned.value = null;
  }

  private followNetwork(next: CallSnapshot, now: number): void {
    if (next.status === 'reconnecting') this.droppedAt.value ??= now;
    else this.droppedAt.value = null;
  }

  /** A device that failed says so once; the control keeps saying it. */
  private followTrouble(before: CallSnapshot, next: CallSnapshot): void {
    for (const device of ['microphone', 'camera'] as const) {
      const code = next[device].error;
      if (code !== null && code !== before[device].error) this.parts.toasts.show(deviceTrouble(code, device));
    }
  }

  private async followDevices(before: CallSnapshot, next: CallSnapshot): Promise<void> {
    if (before.microphone.label === next.microphone.label && before.camera.label === next.camera.label) return;
    const listed = (await this.parts.devices.list()).map((device) => device.label);
    const lost = [unplugged(before.microphone, next.microphone, listed, 'microphone'), unplugged(before.camera, next.camera, listed, 'camera')];
    for (const text of lost) if (text !== null) this.parts.toasts.show(text);
  }

  private remindMuted(now: number): void {
    const { microphone, status } = this.snapshot.value;
    const talks = status === 'joined' && microphone.active && microphone.muted && this.call.microphoneLevel() > MUTED_TALK_LEVEL;
    const lasting = this.mutedTalk.update(talks ? ['talk'] : [], now).size > 0;
    if (!lasting || now - this.mutedTalkSaidAt < MUTED_TALK_EVERY_MS) return;
    this.mutedTalkSaidAt = now;
    this.parts.toasts.show('You are muted. Press M to speak.');
  }

  private seeds(): TileSeed[] {
    const { participants, screen } = this.snapshot.value;
    const rank = new Map(this.order.value.map((pid, index) => [pid, index]));
    const people = [...participants].sort((a, b) => (rank.get(a.pid) ?? Infinity) - (rank.get(b.pid) ?? Infinity));
    const alone = participants.length < 2;
    const cameras = people
      .filter((one) => !(one.isSelf && this.selfHidden.value && !alone))
      .map((one): TileSeed => ({ key: `${one.pid}/camera`, pid: one.pid, isSelf: one.isSelf, shows: 'camera' }));
    const screens = people
      .filter((one) => (one.isSelf ? screen.active : one.screen.state !== 'off'))
      .map((one): TileSeed => ({ key: `${one.pid}/screen`, pid: one.pid, isSelf: one.isSelf, shows: 'screen' }));
    return [...cameras, ...screens];
  }

  private chooseLarge(): TileKey | null {
    if (this.pinned.value !== null) return this.pinned.value;
    const screen = otherScreens(this.snapshot.value).at(-1);
    if (screen !== undefined) return `${screen.pid}/screen`;
    return this.floorPid.value === null ? null : `${this.floorPid.value}/camera`;
  }
}

function otherScreens(snapshot: CallSnapshot): Participant[] {
  return snapshot.participants.filter((one) => !one.isSelf && one.screen.state !== 'off');
}

/** While the network is away the last faces stay, dimmed: a session that is made anew begins with nobody. */
function keepFaces(before: CallSnapshot, next: CallSnapshot): CallSnapshot {
  const empty = next.status === 'reconnecting' && next.participants.length === 0;
  return empty ? { ...next, participants: before.participants } : next;
}

function keepEqual(before: readonly string[], after: readonly string[]): readonly string[] {
  return before.length === after.length && before.every((value, index) => value === after[index]) ? before : after;
}

function keepSet(before: ReadonlySet<string>, after: ReadonlySet<string>): ReadonlySet<string> {
  return before.size === after.size && [...after].every((value) => before.has(value)) ? before : after;
}
