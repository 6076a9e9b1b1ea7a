/** A call of a page with itself: two controllers, two workers, two connections, no server in between. */
import { CONTEXTS, E2eeController, type E2eeEvents, type SourceKind } from '../../../src/e2ee/controller.ts';

const ALICE = { pid: 'AAAAAAAAAAM', leaf: 3 };
const BOB = { pid: 'AAAAAAAAAAU', leaf: 5 };
const SECRET = new Uint8Array(32).fill(7);

export interface LoopRequest {
  readonly codec: string;
  /** When Bob is told Alice's announcement; null: never. */
  readonly announceAfterMs: number | null;
  /** How long Alice's camera runs before she has a key of her own. */
  readonly joinAfterMs: number;
  /** Done when so many were decoded, or after `withinMs`. */
  readonly frames: number;
  readonly withinMs: number;
}

export interface LoopResult {
  readonly decoded: number;
  readonly audioBytes: number;
  readonly packets: number;
  readonly keyFrames: number;
  readonly sealed: readonly string[];
  readonly senders: readonly unknown[];
  readonly alarms: readonly unknown[];
  readonly failed: readonly string[];
  readonly drops: Readonly<Record<string, number>>;
  readonly opened: number;
}

interface Log {
  readonly sealed: string[];
  readonly senders: unknown[];
  readonly alarms: unknown[];
  readonly failed: string[];
  readonly drops: Record<string, number>;
  opened: number;
}

function logging(log: Log): E2eeEvents {
  return {
    sealed: (source) => void log.sealed.push(source),
    senderChanged: (event) => void log.senders.push(event),
    alarm: (event) => void log.alarms.push(event),
    alarmCleared: () => undefined,
    workerFailed: (reason) => void log.failed.push(reason),
    counts: ({ transforms }) => {
      for (const { direction, seat, media, drops, framesOut } of transforms) {
        for (const [reason, count] of Object.entries(drops)) if (count > 0) log.drops[`${direction}/${media}/${reason}`] = count;
        if (direction === 'open' && seat === 0 && media === 'video') log.opened = framesOut;
      }
    },
  };
}

function connection(): RTCPeerConnection {
  const configuration: RTCConfiguration & { encodedInsertableStreams: boolean } = { encodedInsertableStreams: true };
  return new RTCPeerConnection(configuration);
}

/** The description with all candidates in it. */
async function gathered(one: RTCPeerConnection, description: RTCSessionDescriptionInit): Promise<RTCSessionDescription> {
  const done = new Promise<void>((resolve) => {
    one.onicecandidate = ({ candidate }) => {
      if (candidate === null) resolve();
    };
  });
  await one.setLocalDescription(description);
  await done;
  if (one.localDescription === null) throw new Error('no description');
  return one.localDescription;
}

async function connect(
  sending: RTCPeerConnection, receiving: RTCPeerConnection, attach: (sender: RTCRtpSender, source: SourceKind) => void,
): Promise<void> {
  await sending.setRemoteDescription(await gathered(receiving, await receiving.createOffer()));
  for (const one of sending.getTransceivers()) {
    one.direction = 'sendonly';
    attach(one.sender, one.receiver.track.kind === 'audio' ? 'microphone' : 'camera');
  }
  await receiving.setRemoteDescription(await gathered(sending, await sending.createAnswer()));
}

/** Bob offers two seats; Alice answers with her camera and microphone. */
async function loop(request: LoopRequest): Promise<LoopResult> {
  const log: Log = { sealed: [], senders: [], alarms: [], failed: [], drops: {}, opened: 0 };
  const make = (): Promise<E2eeController> => E2eeController.create({ room: 'loop', secret: SECRET, events: logging(log) });
  const [alice, bob] = [await make(), await make()];
  const [sending, receiving] = [connection(), connection()];
  const ready: Promise<void>[] = [];
  for (const kind of ['audio', 'video'] as const) {
    const seat = receiving.addTransceiver(kind, { direction: 'recvonly' });
    ready.push(bob.attachReceiver(seat.receiver, 0, kind));
    if (kind === 'video') {
      const codecs = RTCRtpReceiver.getCapabilities('video')?.codecs.filter(({ mimeType }) => mimeType === `video/${request.codec}`);
      seat.setCodecPreferences(codecs ?? []);
    }
  }
  const sources = new Map<SourceKind, RTCRtpSender>();
  await connect(sending, receiving, (sender, source) => {
    sources.set(source, sender);
    ready.push(alice.attachSender(sender, source));
  });
  await Promise.all(ready);
  await bob.joined(BOB);
  bob.expect(0, 'video', { pid: ALICE.pid, ctx: CONTEXTS.camera });
  bob.expect(0, 'audio', { pid: ALICE.pid, ctx: CONTEXTS.microphone });
  const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 240 } });
  await sources.get('camera')?.replaceTrack(media.getVideoTracks()[0] ?? null);
  await sources.get('microphone')?.replaceTrack(media.getAudioTracks()[0] ?? null);
  void agree(alice, bob, request);
  const result = await watch(receiving, request, log);
  for (const track of media.getTracks()) track.stop();
  for (const one of [sending, receiving]) one.close();
  for (const one of [alice, bob]) one.close();
  return result;
}

async function agree(alice: E2eeController, bob: E2eeController, request: LoopRequest): Promise<void> {
  await passed(request.joinAfterMs);
  const announcement = await alice.joined(ALICE);
  if (request.announceAfterMs === null) return;
  await passed(request.announceAfterMs);
  await bob.memberStart(ALICE, announcement);
}

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function watch(receiving: RTCPeerConnection, request: LoopRequest, log: Log): Promise<LoopResult> {
  const element = document.createElement('video');
  element.muted = true;
  element.srcObject = new MediaStream(receiving.getReceivers().map(({ track }) => track));
  document.body.append(element);
  void element.play().catch(() => undefined); // settles with the first frame, which may never come
  const endMs = performance.now() + request.withinMs;
  for (;;) {
    const found = { decoded: 0, audioBytes: 0, packets: 0, keyFrames: 0 };
    for (const row of (await receiving.getStats()).values() as Iterable<Record<string, unknown>>) {
      if (row['type'] !== 'inbound-rtp') continue;
      if (row['kind'] === 'audio') found.audioBytes = Number(row['totalSamplesReceived'] ?? 0);
      else Object.assign(found, { decoded: Number(row['framesDecoded']), packets: Number(row['packetsReceived']), keyFrames: Number(row['keyFramesDecoded']) });
    }
    const { opened, sealed, senders, alarms, failed, drops } = log;
    const enough = found.decoded >= request.frames && opened > 0;
    if (enough || performance.now() > endMs) return { ...found, sealed, senders, alarms, failed, drops, opened };
    await passed(100);
  }
}

Object.assign(globalThis, { sottoLoop: loop });
