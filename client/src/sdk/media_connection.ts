/**
 * The one RTCPeerConnection: own sources out, seats in. Knows nothing of people or of the server.
 *
 * The offer is applied locally only when the answer is there: ICE servers come with it, and gathering
 * must not start without them.
 */
import type { E2eeController } from '../e2ee/controller';
import {
  addSeat,
  addSender,
  newConnection,
  type SeatReceivers,
  type Sender,
  SOURCES,
} from './transceivers';
import type { SourceKind } from './types';

export interface SeatLine {
  readonly audio: string;
  readonly video: string;
}

export interface Offer {
  readonly sdp: string;
  readonly sources: { mid: string; source: SourceKind }[];
  readonly seats: SeatLine[];
}

export type PathState = 'connecting' | 'connected' | 'disconnected' | 'failed' | 'closed';

/** Encodings nobody is sent rest after this long. Lower: a person who looks back waits for the encoder. */
const REST_AFTER_MS = 10_000;

export class MediaConnection {
  readonly connection = newConnection();
  readonly seats: SeatReceivers[] = [];
  readonly #e2ee: E2eeController;
  readonly #senders = new Map<SourceKind, Sender>();
  readonly #resting = new Map<SourceKind, ReturnType<typeof setTimeout>>();
  #pending: RTCSessionDescriptionInit | null = null;

  constructor(e2ee: E2eeController, seats: number, onPath: (state: PathState) => void) {
    this.#e2ee = e2ee;
    this.connection.onconnectionstatechange = () => onPath(pathState(this.connection.connectionState));
    for (const source of SOURCES) this.#senders.set(source, addSender(this.connection, source, e2ee));
    this.addSeats(seats);
    this.connection.createDataChannel('sotto', { ordered: true });
  }

  /** Make more seats; they live once the next offer is answered. */
  addSeats(count: number): void {
    for (let i = 0; i < count; i++) {
      this.seats.push(addSeat(this.connection, this.seats.length, this.#e2ee));
    }
  }

  /** The offer to send; apply its answer with `answered`. `from`: the first seat the server does not know. */
  async offer(options: { from?: number; restart?: boolean } = {}): Promise<Offer> {
    this.#pending = await this.connection.createOffer({ iceRestart: options.restart === true });
    const sdp = this.#pending.sdp ?? '';
    const mids = midsOf(sdp, this.connection.getTransceivers());
    const first = options.from ?? 0;
    return {
      sdp,
      sources: [...this.#senders.values()].map(({ source, transceiver }) => ({ source, mid: mids(transceiver) })),
      seats: this.seats.slice(first).map((seat) => ({ audio: mids(seat.audio), video: mids(seat.video) })),
    };
  }

  /** The server's answer to the last offer. */
  async answered(sdp: string, iceServers: RTCIceServer[] | null = null): Promise<void> {
    if (this.#pending === null) throw new Error('an answer came without an offer');
    if (iceServers !== null && iceServers.length > 0) {
      this.connection.setConfiguration({ ...this.connection.getConfiguration(), iceServers });
    }
    await this.connection.setLocalDescription(this.#pending);
    this.#pending = null;
    await this.connection.setRemoteDescription({ type: 'answer', sdp });
  }

  /** Send a track, or nothing. Waits until the worker seals that source (rule R3). */
  async send(source: SourceKind, track: MediaStreamTrack | null): Promise<void> {
    const sender = this.#senders.get(source);
    if (sender === undefined) return;
    await sender.sealed;
    await sender.transceiver.sender.replaceTrack(track);
  }

  /** Let encodings that nobody is sent rest (the `wanted` message), wake those that somebody is. */
  wanted(source: SourceKind, encodings: readonly string[]): void {
    clearTimeout(this.#resting.get(source));
    void this.#activate(source, (rid, active) => active !== false || encodings.includes(rid));
    this.#resting.set(
      source,
      // The smallest never rests: whoever looks next has a picture at once.
      setTimeout(() => void this.#activate(source, (rid) => rid === 'q' || encodings.includes(rid)), REST_AFTER_MS),
    );
  }

  stats(): Promise<RTCStatsReport> {
    return this.connection.getStats();
  }

  close(): void {
    for (const timer of this.#resting.values()) clearTimeout(timer);
    this.connection.onconnectionstatechange = null;
    this.connection.close();
  }

  async #activate(source: SourceKind, active: (rid: string, now: boolean | undefined) => boolean): Promise<void> {
    const sender = this.#senders.get(source)?.transceiver.sender;
    if (sender === undefined || this.connection.signalingState === 'closed') return;
    const parameters = sender.getParameters();
    const before = parameters.encodings.map((encoding) => encoding.active);
    for (const encoding of parameters.encodings) {
      if (encoding.rid !== undefined) encoding.active = active(encoding.rid, encoding.active);
    }
    if (parameters.encodings.some((encoding, i) => encoding.active !== before[i])) {
      await sender.setParameters(parameters).catch(() => undefined); // raced with another change: next hint mends it
    }
  }
}

function pathState(state: RTCPeerConnectionState): PathState {
  return state === 'new' ? 'connecting' : state;
}

/** MIDs before the description is applied: a fresh transceiver's is its place in the offer (RFC 9429 5.2.1). */
function midsOf(sdp: string, transceivers: RTCRtpTransceiver[]): (transceiver: RTCRtpTransceiver) => string {
  const sections = sdp
    .split(/^m=/m)
    .slice(1)
    .filter((section) => !section.startsWith('application'))
    .map((section) => /^a=mid:(\S+)/m.exec(section)?.[1] ?? '');
  const known = new Set(transceivers.map((t) => t.mid).filter((mid) => mid !== null));
  const fresh = sections.filter((mid) => !known.has(mid));
  const order = transceivers.filter((t) => t.mid === null);
  const mids = new Map(order.map((transceiver, i) => [transceiver, fresh[i] ?? '']));
  return (transceiver) => transceiver.mid ?? mids.get(transceiver) ?? '';
}
