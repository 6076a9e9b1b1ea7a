/**
 * The page's side of end-to-end encryption: attaches transforms, passes announcements, reports events.
 *
 * Holds no key: the link secret goes to the worker at creation and is not kept here.
 */
import type { Bytes } from './bytes.ts';
import {
  CONTEXTS, type AlarmRaised, type DropCounts, type Expected, type FromWorker, type MediaKind, type Request,
  type SenderChanged, type SourceKind, type ToWorker, type TransformOptions,
} from './messages.ts';
import { LINK_SECRET_BYTES } from './room_secrets.ts';
import { keepRecord, testOptions } from './test_hooks.ts';
import { createWorker } from './worker_url.ts';

export { CONTEXTS, DROP_REASONS } from './messages.ts';
export type {
  AlarmKind, AlarmRaised, DropCounts, DropReason, Expected, MediaKind, SenderChanged, SourceKind, TransformCounts,
} from './messages.ts';

export interface E2eeEvents {
  /** The first opened frame of another sender or source on a seat: label the tile from this. */
  senderChanged(event: SenderChanged): void;
  /** The first frame of this source left sealed (R4). Again for each new transform. */
  sealed(source: SourceKind): void;
  /** Raised after more than a second of such frames; again at most once a second while it lasts. */
  alarm(event: AlarmRaised): void;
  /** No such frame on this seat for a while. */
  alarmCleared(seat: number, media: MediaKind): void;
  /** At most once a second; only transforms whose counts changed. */
  counts(counts: DropCounts): void;
  /** The worker is gone (R6): take the tracks off, make a new controller, join again. */
  workerFailed(reason: string): void;
}

export type E2eeErrorCode = 'secret_refused' | 'unsupported' | 'worker_failed' | 'worker_timeout' | 'refused' | 'closed';

export class E2eeError extends Error {
  constructor(readonly code: E2eeErrorCode, detail = '') {
    super(detail === '' ? code : `${code}: ${detail}`);
    this.name = 'E2eeError';
  }
}

export interface E2eeOptions {
  readonly room: string;
  /** The link's 32 bytes. Copied; the caller keeps its own. */
  readonly secret: Uint8Array;
  readonly events: E2eeEvents;
  /** Default: the worker of this build. */
  readonly createWorker?: () => Worker;
}

type Reply = string | boolean | null;

interface Pending {
  resolve(value: Reply): void;
  reject(error: E2eeError): void;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** A worker that does not answer in this time is as good as dead. Long: a busy machine may stall for seconds. */
const ANSWER_WITHIN_MS = 10_000;

const SENDS: Readonly<Record<SourceKind, MediaKind>> = {
  microphone: 'audio', camera: 'video', screen: 'video', screen_audio: 'audio',
};

export class E2eeController {
  readonly #worker: Worker;
  readonly #events: E2eeEvents;
  readonly #replies = new Map<number, Pending>();
  readonly #ready = new Map<number, Pending>();
  readonly #senders = new Map<number, { readonly sender: RTCRtpSender; readonly source: SourceKind }>();
  readonly #members = new Set<string>();
  #self: string | null = null;
  #nextId = 1;
  #closed: E2eeErrorCode | null = null;

  private constructor(worker: Worker, events: E2eeEvents) {
    this.#worker = worker;
    this.#events = events;
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#take(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#fail('error');
    };
    worker.onmessageerror = () => this.#fail('messageerror');
  }

  /** Throws E2eeError `secret_refused`, `unsupported` (no worker to be had), `worker_failed`, `worker_timeout`. */
  static async create(options: E2eeOptions): Promise<E2eeController> {
    const { room, secret, events } = options;
    if (secret.length !== LINK_SECRET_BYTES) {
      throw new E2eeError('secret_refused', `${secret.length} bytes, wanted ${LINK_SECRET_BYTES}`);
    }
    let worker: Worker;
    try {
      worker = (options.createWorker ?? createWorker)();
    } catch (error) {
      throw new E2eeError('unsupported', error instanceof Error ? error.message : '');
    }
    const controller = new E2eeController(worker, events);
    const copy: Bytes = new Uint8Array(secret);
    try {
      await controller.#ask({ kind: 'init', room, secret: copy }, [copy.buffer]);
    } catch (error) {
      controller.close();
      throw error;
    }
    return controller;
  }

  /** Whether this browser can take part at all. */
  static supported(): boolean {
    const scope = globalThis as { RTCRtpScriptTransform?: unknown; Worker?: unknown; crypto?: Crypto };
    return (
      typeof scope.RTCRtpScriptTransform === 'function' &&
      typeof scope.Worker === 'function' &&
      typeof scope.crypto?.subtle === 'object'
    );
  }

  /** Call in the task of `addTransceiver` (R2); give the sender its track when this resolves (R3). */
  async attachSender(sender: RTCRtpSender, source: SourceKind): Promise<void> {
    const id = this.#nextId++;
    for (const [old, attached] of this.#senders) if (attached.source === source) this.#senders.delete(old);
    this.#senders.set(id, { sender, source });
    const media = SENDS[source];
    sender.transform = this.#transform({ id, media, direction: 'seal', ctx: CONTEXTS[source] });
    await this.#untilReady(id);
  }

  /** Call in the task of `addTransceiver` (R2). Nothing comes out before `expect`. */
  async attachReceiver(receiver: RTCRtpReceiver, seat: number, kind: MediaKind): Promise<void> {
    const id = this.#nextId++;
    receiver.transform = this.#transform({ id, media: kind, direction: 'open', seat });
    await this.#untilReady(id);
  }

  /** Derive our own keys; the announcement returned goes to every member. Idempotent for the same self. */
  async joined(self: { pid: string; leaf: number }): Promise<string> {
    const announcement = await this.#ask({ kind: 'joined', self: { pid: self.pid, leaf: self.leaf } });
    this.#self = self.pid;
    return String(announcement);
  }

  /** False: refused, and counted. */
  async memberStart(from: { pid: string; leaf: number }, body: string): Promise<boolean> {
    const taken = (await this.#ask({ kind: 'memberStart', from: { pid: from.pid, leaf: from.leaf }, body })) === true;
    if (taken) this.#members.add(from.pid);
    return taken;
  }

  async memberLeft(pid: string): Promise<void> {
    await this.#ask({ kind: 'memberLeft', pid });
    this.#members.delete(pid); // after the answer: a start still on its way is answered before it
  }

  /** Who the server announced for a seat. */
  expect(seat: number, kind: MediaKind, who: Expected): void {
    this.#tell({ kind: 'expect', seat, media: kind, who });
  }

  async sealName(name: string): Promise<string> {
    return String(await this.#ask({ kind: 'sealName', name }));
  }

  /** Null: not sealed for this room, or empty after cleaning. */
  async openName(sealed: string): Promise<string | null> {
    const name = await this.#ask({ kind: 'openName', sealed });
    return typeof name === 'string' ? name : null;
  }

  /** Only for browsers whose frames have no `mimeType`: payload type -> mime type, from the answer. */
  payloadTypes(types: ReadonlyMap<number, string>): void {
    this.#tell({ kind: 'payloadTypes', types: [...types] });
  }

  /** Ask our own encoder for a key frame; at most one a second is passed on. */
  requestKeyFrame(source: 'camera' | 'screen'): void {
    this.#tell({ kind: 'keyFrame', ctx: CONTEXTS[source] });
  }

  /** Members whose key is here, self included. */
  keyCount(): number {
    return this.#members.size + (this.#self === null ? 0 : 1);
  }

  /** Erase all keys and end the worker. Senders keep their dead transform: nothing leaves any more. */
  close(): void {
    this.#tell({ kind: 'close' });
    this.#end('closed');
  }

  #transform(options: TransformOptions): RTCRtpScriptTransform {
    const all = __SOTTO_TEST__ ? { ...options, test: testOptions() } : options;
    return new RTCRtpScriptTransform(this.#worker, all);
  }

  #untilReady(id: number): Promise<Reply> {
    return this.#wait(this.#ready, id);
  }

  #ask(request: Request, transfer: Transferable[] = []): Promise<Reply> {
    const id = this.#nextId++;
    const answer = this.#wait(this.#replies, id);
    if (this.#closed === null) this.#worker.postMessage({ ...request, request: id } satisfies ToWorker, transfer);
    return answer;
  }

  #tell(command: ToWorker): void {
    if (this.#closed === null) this.#worker.postMessage(command);
  }

  #wait(pending: Map<number, Pending>, id: number): Promise<Reply> {
    if (this.#closed !== null) return Promise.reject(new E2eeError(this.#closed));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        pending.delete(id);
        reject(new E2eeError('worker_timeout'));
      }, ANSWER_WITHIN_MS);
      pending.set(id, { resolve, reject, timer });
    });
  }

  #settle(pending: Map<number, Pending>, id: number): Pending | null {
    const found = pending.get(id);
    if (found === undefined) return null;
    pending.delete(id);
    clearTimeout(found.timer);
    return found;
  }

  #take(message: FromWorker): void {
    if (this.#closed !== null) return;
    switch (message.kind) {
      case 'reply':
        return this.#settle(this.#replies, message.request)?.resolve(message.value);
      case 'refused':
        return this.#settle(this.#replies, message.request)?.reject(new E2eeError('refused', message.reason));
      case 'transformReady':
        return this.#settle(this.#ready, message.id)?.resolve(true);
      case 'firstSealed':
        return this.#sealed(message.id);
      case 'keyFrameNeeded':
        return this.#generateKeyFrame(message.id);
      case 'senderChanged':
        return this.#events.senderChanged(message.sender);
      case 'alarm':
        return this.#events.alarm(message.alarm);
      case 'alarmCleared':
        return this.#events.alarmCleared(message.seat, message.media);
      case 'counts':
        return this.#events.counts(message.counts);
      case 'failed':
        return this.#fail(message.reason);
      case 'testKeyUse':
      case 'testPlaintext':
        if (__SOTTO_TEST__) keepRecord(message);
        return;
      default:
        return message satisfies never;
    }
  }

  #sealed(id: number): void {
    const attached = this.#senders.get(id);
    if (attached !== undefined) this.#events.sealed(attached.source);
  }

  /** Chromium has no `generateKeyFrame` in the worker: its way is an option of `setParameters` (E2EE.md 2.1). */
  #generateKeyFrame(id: number): void {
    const sender = this.#senders.get(id)?.sender;
    if (sender === undefined) return;
    const parameters = sender.getParameters();
    const options = { encodingOptions: parameters.encodings.map(() => ({ keyFrame: true })) };
    const set = sender.setParameters.bind(sender) as (p: RTCRtpSendParameters, o: typeof options) => Promise<void>;
    set(parameters, options).catch(() => undefined); // the sender stopped: it needs none
  }

  #fail(reason: string): void {
    if (this.#closed !== null) return;
    this.#end('worker_failed');
    this.#events.workerFailed(reason);
  }

  #end(code: E2eeErrorCode): void {
    this.#closed ??= code;
    this.#worker.terminate();
    this.#members.clear();
    this.#self = null;
    for (const pending of [...this.#replies.values(), ...this.#ready.values()]) {
      clearTimeout(pending.timer);
      pending.reject(new E2eeError(code));
    }
    this.#replies.clear();
    this.#ready.clear();
  }
}
