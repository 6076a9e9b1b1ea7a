/**
 * The m-sections of the one offer: own sources first, then seats, then the data channel (SEATS C1, C2).
 *
 * Transforms are attached in the same task as the transceiver is made: a transform that comes one task
 * late lets plaintext out in Chromium (E2EE.md 2.2.1). The connection is made with
 * `encodedInsertableStreams`, so that even then nothing would leave.
 */
import type { E2eeController } from '../e2ee/controller';
import type { SourceKind } from './types';

export interface Sender {
  readonly source: SourceKind;
  readonly transceiver: RTCRtpTransceiver;
  /** The worker has the transform: a track may be attached (rule R3). */
  readonly sealed: Promise<void>;
}

export interface SeatReceivers {
  readonly index: number;
  readonly audio: RTCRtpTransceiver;
  readonly video: RTCRtpTransceiver;
}

export const SOURCES: readonly SourceKind[] = ['microphone', 'camera', 'screen', 'screen_audio'];
export const VIDEO_CODECS: readonly string[] = ['video/vp8', 'video/vp9', 'video/av1'];

/** Quarter, half and whole of 1280x720. L1T1: one SSRC an encoding in every codec (TESTING.md 1b). */
const SIMULCAST: RTCRtpEncodingParameters[] = [
  { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 1_700_000 },
];
const SCREEN: RTCRtpEncodingParameters[] = [{ maxBitrate: 2_500_000, maxFramerate: 15 }];

const KEPT_EXTENSIONS =
  /sdes:(mid|rtp-stream-id|repaired-rtp-stream-id)$|ssrc-audio-level|abs-send-time|transport-wide-cc|dependency-descriptor|video-orientation/;

export function newConnection(iceServers: RTCIceServer[] = []): RTCPeerConnection {
  const configuration: RTCConfiguration & { encodedInsertableStreams: boolean } = {
    bundlePolicy: 'max-bundle',
    iceServers,
    encodedInsertableStreams: true, // E2EE.md D3: fail closed
  };
  return new RTCPeerConnection(configuration);
}

/** Make the transceiver of one own source, sealed from its first moment. */
export function addSender(connection: RTCPeerConnection, source: SourceKind, e2ee: E2eeController): Sender {
  const audible = source === 'microphone' || source === 'screen_audio';
  const transceiver = connection.addTransceiver(audible ? 'audio' : 'video', {
    direction: 'sendonly',
    ...(source === 'camera' ? { sendEncodings: simulcast() } : {}),
    ...(source === 'screen' ? { sendEncodings: SCREEN } : {}),
  });
  const sealed = e2ee.attachSender(transceiver.sender, source);
  slim(transceiver);
  return { source, transceiver, sealed };
}

/** Make one seat. Both receivers get their transforms in this very task. */
export function addSeat(connection: RTCPeerConnection, index: number, e2ee: E2eeController): SeatReceivers {
  const audio = connection.addTransceiver('audio', { direction: 'recvonly' });
  const audioSealed = e2ee.attachReceiver(audio.receiver, index, 'audio');
  const video = connection.addTransceiver('video', { direction: 'recvonly' });
  const videoSealed = e2ee.attachReceiver(video.receiver, index, 'video');
  void Promise.allSettled([audioSealed, videoSealed]); // a failing worker reports by itself
  slim(audio);
  slim(video);
  return { index, audio, video };
}

/** Video codecs this browser can decode and we can seal. */
export function decodableCodecs(): ('vp8' | 'vp9' | 'av1')[] {
  const capable = new Set(RTCRtpReceiver.getCapabilities('video')?.codecs.map((c) => c.mimeType.toLowerCase()));
  return (['vp8', 'vp9', 'av1'] as const).filter((name) => capable.has(`video/${name}`));
}

function simulcast(): RTCRtpEncodingParameters[] {
  return SIMULCAST.map((encoding) => ({ ...encoding, scalabilityMode: 'L1T1' }));
}

/** Only the codecs and header extensions we use: nine seats cost 25 kB of offer instead of 65. */
function slim(transceiver: RTCRtpTransceiver): void {
  const kind = transceiver.receiver.track.kind;
  const codecs = RTCRtpReceiver.getCapabilities(kind)?.codecs.filter(isUsed) ?? [];
  if (codecs.length > 0) transceiver.setCodecPreferences(codecs);
  slimExtensions(transceiver as SlimmableTransceiver);
}

function isUsed(codec: RTCRtpCodec): boolean {
  const type = codec.mimeType.toLowerCase();
  const profile = /(?:profile-id|profile)=(\d)/.exec(codec.sdpFmtpLine ?? '')?.[1] ?? '0';
  return type === 'audio/opus' || type === 'video/rtx' || (VIDEO_CODECS.includes(type) && profile === '0');
}

/** Not in the DOM library yet; Chromium has it, Firefox does not. */
interface SlimmableTransceiver extends RTCRtpTransceiver {
  getHeaderExtensionsToNegotiate?(): { uri: string; direction: RTCRtpTransceiverDirection }[];
  setHeaderExtensionsToNegotiate?(extensions: { uri: string; direction: RTCRtpTransceiverDirection }[]): void;
}

function slimExtensions(transceiver: SlimmableTransceiver): void {
  const offered = transceiver.getHeaderExtensionsToNegotiate?.();
  if (offered === undefined) return;
  for (const extension of offered) {
    if (/dependency-descriptor/.test(extension.uri)) extension.direction = 'sendrecv';
    else if (!KEPT_EXTENSIONS.test(extension.uri)) extension.direction = 'stopped';
  }
  transceiver.setHeaderExtensionsToNegotiate?.(offered);
}
