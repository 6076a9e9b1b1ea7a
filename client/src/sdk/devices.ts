/** Cameras, microphones, speakers: opened with clear errors, watched for coming and going. */
import { type DeviceChoice, type ErrorCode, SottoError } from './types';

const CAMERA: MediaTrackConstraints = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
const MICROPHONE: MediaTrackConstraints = {
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
  channelCount: { ideal: 1 },
};

export interface LevelMeter {
  /** Loudness now, 0..100. */
  value(): number;
  close(): void;
}

export const devices = {
  /** What there is. Labels are empty until a permission was given. */
  async list(): Promise<DeviceChoice[]> {
    const all = await navigator.mediaDevices.enumerateDevices();
    return all
      .filter((device) => device.deviceId !== '')
      .map(({ deviceId, label, kind }) => ({ deviceId, label, kind }));
  },

  onChange(callback: () => void): () => void {
    navigator.mediaDevices.addEventListener('devicechange', callback);
    return () => navigator.mediaDevices.removeEventListener('devicechange', callback);
  },

  /** @throws SottoError `media.denied | media.missing | media.busy | media.failed` */
  openCamera(deviceId?: string): Promise<MediaStreamTrack> {
    return open({ video: { ...CAMERA, ...chosen(deviceId) } });
  },

  /** @throws SottoError as `openCamera` */
  openMicrophone(deviceId?: string): Promise<MediaStreamTrack> {
    return open({ audio: { ...MICROPHONE, ...chosen(deviceId) } });
  },

  levelOf,
};

function chosen(deviceId: string | undefined): MediaTrackConstraints {
  return deviceId === undefined ? {} : { deviceId: { exact: deviceId } };
}

async function open(constraints: MediaStreamConstraints): Promise<MediaStreamTrack> {
  if (navigator.mediaDevices === undefined) {
    throw new SottoError('browser.unsupported', 'cameras need a secure (https) page');
  }
  try {
    const stream = await navigator.mediaDevices.getUserMedia(constraints);
    const track = stream.getTracks()[0];
    if (track === undefined) throw new SottoError('media.missing');
    return track;
  } catch (problem) {
    throw mediaError(problem);
  }
}

/** A browser's refusal in our words (W3C Media Capture, section 10.2.1). */
export function mediaError(problem: unknown): SottoError {
  if (problem instanceof SottoError) return problem;
  const name = problem instanceof Error ? problem.name : '';
  const codes: Readonly<Record<string, ErrorCode>> = {
    NotAllowedError: 'media.denied',
    SecurityError: 'media.denied',
    NotFoundError: 'media.missing',
    OverconstrainedError: 'media.missing',
    NotReadableError: 'media.busy',
    AbortError: 'media.busy',
  };
  return new SottoError(codes[name] ?? 'media.failed', name);
}

let shared: AudioContext | null = null;

/** Loudness of a live track. Reads a copy, so that a muted sender still shows that one speaks. */
function levelOf(track: MediaStreamTrack): LevelMeter {
  shared ??= new AudioContext();
  const context = shared;
  if (context.state === 'suspended') void context.resume();
  const source = context.createMediaStreamSource(new MediaStream([track]));
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  return {
    value() {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, x) => sum + x * x, 0) / samples.length;
      const decibel = 10 * Math.log10(power + 1e-12); // 0 dB is full scale
      return Math.round(Math.min(100, Math.max(0, ((decibel + 65) / 50) * 100)));
    },
    close() {
      source.disconnect();
    },
  };
}
