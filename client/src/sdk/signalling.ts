/**
 * One WebSocket to the server: requests with replies, and messages that come by themselves.
 *
 * A `Signalling` lives as long as its socket. Who wants to come back makes a new one.
 */
import type { ClientMessage, ServerMessage } from '../protocol/messages.gen';
import { type ErrorCode, SottoError } from './types';

type Request = Extract<ClientMessage, { id: number }>;
export type RequestBody = Request extends infer R ? (R extends Request ? Omit<R, 'id'> : never) : never;
type Failure = Extract<ServerMessage, { type: 'error' }>;
type Reply = Extract<ServerMessage, { id: number }>;
export type Pushed = Exclude<ServerMessage, Reply | { type: 'ping' }>;

export interface SignallingEvents {
  pushed(message: Pushed): void;
  /** The socket is gone; called once, never after `close`. */
  closed(): void;
}

const OPEN_WITHIN_MS = 10_000;
const REPLY_WITHIN_MS = 15_000;
/** The server pings every 10 s; three missed and the socket is dead even if nobody said so. */
const SILENT_AFTER_MS = 32_000;

/** A refusal by the server, with what to do about it. */
export class Refusal extends Error {
  constructor(
    readonly code: string,
    readonly action: string,
    text: string,
  ) {
    super(text);
    this.name = 'Refusal';
  }
}

interface Waiting {
  resolve(reply: Reply): void;
  reject(error: Error): void;
  timer: ReturnType<typeof setTimeout>;
}

export class Signalling {
  readonly #socket: WebSocket;
  readonly #events: SignallingEvents;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #over = false;
  #silence: ReturnType<typeof setTimeout> | undefined;

  private constructor(socket: WebSocket, events: SignallingEvents) {
    this.#socket = socket;
    this.#events = events;
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = () => this.#end(true);
    this.#stillAlive();
  }

  /**
   * Connect to `wss://SERVER/ws`.
   *
   * @throws SottoError `server.unreachable` when no connection comes about within 10 s.
   */
  static connect(server: string, events: SignallingEvents): Promise<Signalling> {
    const url = new URL('/ws', server);
    url.protocol = url.protocol === 'http:' ? 'ws:' : 'wss:';
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url);
      const fail = () => {
        clearTimeout(timer);
        socket.onopen = socket.onerror = socket.onclose = null;
        socket.close();
        reject(new SottoError('server.unreachable'));
      };
      const timer = setTimeout(fail, OPEN_WITHIN_MS);
      socket.onerror = fail;
      socket.onclose = fail;
      socket.onopen = () => {
        clearTimeout(timer);
        socket.onerror = null;
        resolve(new Signalling(socket, events));
      };
    });
  }

  /**
   * Send a request and wait for its reply.
   *
   * @throws Refusal when the server answers with an error; SottoError `server.unreachable` when the
   * socket closes or nothing comes within 15 s.
   */
  request<T extends Reply['type']>(body: RequestBody, _expects: T): Promise<Extract<Reply, { type: T }>> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      if (this.#over) return reject(new SottoError('server.unreachable'));
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new SottoError('server.unreachable', 'no reply in time'));
      }, REPLY_WITHIN_MS);
      this.#waiting.set(id, { resolve: resolve as (reply: Reply) => void, reject, timer });
      this.#socket.send(JSON.stringify({ ...body, id }));
    });
  }

  /** Close for good. Nothing is called after this. */
  close(): void {
    this.#end(false);
    this.#socket.close(1000);
  }

  #receive(text: unknown): void {
    if (typeof text !== 'string') return;
    this.#stillAlive();
    const message = JSON.parse(text) as ServerMessage;
    if (message.type === 'ping') {
      this.#socket.send(JSON.stringify({ type: 'pong', nonce: message.nonce }));
    } else if ('id' in message && typeof message.id === 'number') {
      this.#settle(message.id, message as Reply | Failure);
    } else {
      this.#events.pushed(message as Pushed);
    }
  }

  #settle(id: number, reply: Reply | Failure): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    if (reply.type === 'error') waiting.reject(new Refusal(reply.code, reply.action, reply.text));
    else waiting.resolve(reply);
  }

  #stillAlive(): void {
    clearTimeout(this.#silence);
    if (this.#over) return;
    this.#silence = setTimeout(() => {
      this.#end(true);
      this.#socket.close();
    }, SILENT_AFTER_MS);
  }

  #end(tell: boolean): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#silence);
    for (const waiting of this.#waiting.values()) {
      clearTimeout(waiting.timer);
      waiting.reject(new SottoError('server.unreachable', 'the connection closed'));
    }
    this.#waiting.clear();
    if (tell) this.#events.closed();
  }
}

const WORDS: Readonly<Record<string, ErrorCode>> = {
  denied: 'room.denied',
  room_full: 'room.full',
  room_locked: 'room.locked',
  codec_unsupported: 'codec.unsupported',
  removed: 'removed',
  ended: 'ended',
};

/** What a person is told of a refusal. */
export function errorOf(problem: unknown): SottoError {
  if (problem instanceof SottoError) return problem;
  if (problem instanceof Refusal) {
    const temporary = problem.action === 'retry' || problem.code === 'internal';
    const code = WORDS[problem.code] ?? (temporary ? 'server.unreachable' : 'server.refused');
    return new SottoError(code, `${problem.code}: ${problem.message}`);
  }
  return new SottoError('internal', problem instanceof Error ? problem.message : String(problem));
}
