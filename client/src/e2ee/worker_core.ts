/**
 * The E2EE worker without its browser: the only place with keys and plaintext frames.
 *
 * Fails closed: without a key, an announcement or a known codec a frame is dropped and counted. Nothing here
 * logs. Requests that touch keys run one after the other, in the order they came.
 */
import { AlarmWatch } from './alarms.ts';
import type { Clock } from './clock.ts';
import { SeatExpectation } from './expectation.ts';
import type { Transformer } from './frames.ts';
import { INTERIM_EPOCH, InterimKeys, type OwnKey } from './interim.ts';
import { KeyRing } from './key_ring.ts';
import {
  CONTEXTS, type Command, type Expected, type FromWorker, type MediaKind, type Request, type ToWorker,
  type TransformOptions,
} from './messages.ts';
import { openName, sealName } from './names.ts';
import { deriveRoomSecrets, type RoomSecrets } from './room_secrets.ts';
import { OpenTransform, SealTransform, type TransformShared } from './transforms.ts';
import { passThrough } from './test_hooks.ts';

const REPORT_EVERY_MS = 1000; // however fast frames fail

interface Seat {
  readonly expectation: SeatExpectation;
  readonly alarms: AlarmWatch;
}

interface Keys {
  readonly secrets: RoomSecrets;
  readonly interim: InterimKeys;
  own: OwnKey | null;
}

export class WorkerCore implements TransformShared {
  readonly ring = new KeyRing([INTERIM_EPOCH]);
  readonly clock: Clock;
  readonly payloadTypes = new Map<number, string>();
  readonly post: (message: FromWorker) => void;
  readonly #seats = new Map<string, Seat>();
  readonly #sealing = new Set<SealTransform>();
  readonly #opening = new Set<OpenTransform>();
  #keys: Keys | null = null;
  #startsRefused = 0;
  #startsReported = 0;
  #last: Promise<void> = Promise.resolve();
  #callOff: () => void;

  constructor(post: (message: FromWorker) => void, clock: Clock) {
    this.post = post;
    this.clock = clock;
    this.#callOff = clock.after(REPORT_EVERY_MS, () => this.#tick());
  }

  receive(message: ToWorker): void {
    if (!('request' in message)) return this.#obey(message);
    const { request } = message;
    this.#last = this.#last.then(async () => {
      try {
        this.post({ kind: 'reply', request, value: await this.#answer(message) });
      } catch (error) {
        this.post({ kind: 'refused', request, reason: error instanceof Error ? error.name : 'unknown' });
      }
    });
  }

  /** Call in the task of `onrtctransform`. */
  attach(transformer: Transformer): void {
    const options = transformer.options as TransformOptions; // made by our own controller, in this origin
    if (__SOTTO_TEST__ && options.test?.passthrough === true) {
      void passThrough(transformer, options, (record) => this.post(record));
    } else if (options.direction === 'seal') {
      this.#run(this.#sealing, new SealTransform(this, transformer, options));
    } else {
      const { expectation, alarms } = this.#seat(options.seat, options.media);
      this.#run(this.#opening, new OpenTransform(this, transformer, options, expectation, alarms));
    }
    this.post({ kind: 'transformReady', id: options.id });
  }

  /** A bug: say so once it happens, and what it hit is gone, not passed on. */
  broken(error: unknown): void {
    this.post({ kind: 'failed', reason: error instanceof Error ? error.name : 'unknown' });
  }

  #run<T extends { run(): Promise<void> }>(running: Set<T>, transform: T): void {
    running.add(transform);
    transform
      .run()
      .catch((error: unknown) => this.broken(error))
      .finally(() => running.delete(transform));
  }

  async #answer(message: Request): Promise<string | boolean | null> {
    if (message.kind === 'init') {
      const secrets = await deriveRoomSecrets(message.room, message.secret);
      this.#keys = { secrets, interim: new InterimKeys(secrets), own: null };
      return true;
    }
    const keys = this.#keys;
    if (keys === null) throw new Error('init comes first');
    switch (message.kind) {
      case 'joined':
        return this.#joined(keys, message.self);
      case 'memberStart':
        return this.#memberStart(keys, message.from, message.body);
      case 'memberLeft':
        this.ring.forget(message.pid);
        return true;
      case 'sealName':
        return sealName(keys.secrets.nameKey, message.name);
      case 'openName':
        return openName(keys.secrets.nameKey, message.sealed);
      default:
        return message satisfies never;
    }
  }

  /** The same member again keeps its key and counters; anything else gets a new `start`: no nonce repeats. */
  async #joined(keys: Keys, self: { pid: string; leaf: number }): Promise<string> {
    const current = keys.own?.installed.member;
    if (keys.own !== null && current?.pid === self.pid && current.leaf === self.leaf) return keys.own.announcement;
    const own = await keys.interim.draw(self);
    await this.ring.setOwn(own.installed, Object.values(CONTEXTS));
    keys.own = own;
    for (const transform of this.#sealing) transform.keyInstalled();
    return own.announcement;
  }

  async #memberStart(keys: Keys, from: { pid: string; leaf: number }, body: string): Promise<boolean> {
    const installed = await keys.interim.verify(from, body);
    const taken = installed !== null && this.ring.install(installed);
    if (taken) this.#pokeAll();
    else this.#startsRefused++;
    return taken;
  }

  #obey(command: Command): void {
    switch (command.kind) {
      case 'expect':
        return this.#expect(command.seat, command.media, command.who);
      case 'payloadTypes':
        this.payloadTypes.clear();
        for (const [type, mimeType] of command.types) this.payloadTypes.set(type, mimeType);
        return;
      case 'keyFrame':
        for (const transform of this.#sealing) if (transform.ctx === command.ctx) transform.requestKeyFrame();
        return;
      case 'close':
        this.#callOff();
        this.ring.clear();
        this.#keys = null;
        return;
      default:
        return command satisfies never;
    }
  }

  #expect(seat: number, media: MediaKind, who: Expected): void {
    this.#seat(seat, media).expectation.set(who, this.clock.nowMs());
    this.#pokeAll();
  }

  #pokeAll(): void {
    for (const transform of this.#opening) transform.poke();
  }

  #seat(seat: number, media: MediaKind): Seat {
    const name = `${seat}/${media}`;
    let found = this.#seats.get(name);
    if (found === undefined) {
      found = { expectation: new SeatExpectation(), alarms: new AlarmWatch(seat, media) };
      this.#seats.set(name, found);
    }
    return found;
  }

  #tick(): void {
    this.#callOff = this.clock.after(REPORT_EVERY_MS, () => this.#tick());
    for (const { alarms } of this.#seats.values()) {
      const { grown, cleared } = alarms.tick(this.clock.nowMs());
      for (const alarm of grown) this.post({ kind: 'alarm', alarm });
      if (cleared) this.post({ kind: 'alarmCleared', seat: alarms.seat, media: alarms.media });
    }
    const transforms = [...this.#sealing, ...this.#opening]
      .map((transform) => transform.tally.report())
      .filter((counts) => counts !== null);
    if (transforms.length === 0 && this.#startsRefused === this.#startsReported) return;
    this.#startsReported = this.#startsRefused;
    this.post({ kind: 'counts', counts: { transforms, startsRefused: this.#startsRefused } });
  }
}
