/** How good the call is, from the browser's own counters. Pure over reports; the caller polls. */
import type { QualityLevel, StatsRow } from './types';

/** The members of RTCStats that we read (W3C WebRTC statistics). */
interface Row {
  readonly type: string;
  readonly kind?: string;
  readonly mid?: string;
  readonly rid?: string;
  readonly packetsReceived?: number;
  readonly packetsLost?: number;
  readonly framesPerSecond?: number;
  readonly frameWidth?: number;
  readonly frameHeight?: number;
  readonly bytesReceived?: number;
  readonly bytesSent?: number;
  readonly fractionLost?: number;
  readonly roundTripTime?: number;
  readonly freezeCount?: number;
  readonly qualityLimitationReason?: string;
  readonly currentRoundTripTime?: number;
  readonly nominated?: boolean;
}

interface Counted {
  received: number;
  lost: number;
}

export interface Reading {
  /** By MID of the receiving m-section. */
  readonly byMid: ReadonlyMap<string, QualityLevel>;
  readonly own: QualityLevel;
  readonly rows: StatsRow[];
}

const FAIR_LOSS = 0.02;
const POOR_LOSS = 0.08;
const FAIR_RTT_S = 0.25;
const POOR_RTT_S = 0.6;

/** Turns successive reports into levels; remembers only the counters of the one before. */
export class QualityReader {
  readonly #before = new Map<string, Counted>();
  #bytes = { sent: 0, received: 0, at: 0 };

  read(report: RTCStatsReport, nowMs: number): Reading {
    const all: Row[] = [];
    report.forEach((row: Row) => all.push(row));
    const byMid = new Map<string, QualityLevel>();
    for (const row of all) {
      if (row.type === 'inbound-rtp' && row.mid !== undefined) byMid.set(row.mid, this.#inbound(row.mid, row));
    }
    const remote = all.filter((row) => row.type === 'remote-inbound-rtp');
    const loss = Math.max(0, ...remote.map((row) => row.fractionLost ?? 0));
    const rttS = Math.max(0, ...all.map((row) => row.roundTripTime ?? (row.nominated ? row.currentRoundTripTime : 0) ?? 0));
    return { byMid, own: remote.length === 0 ? 'unknown' : level(loss, rttS), rows: this.#rows(all, loss, rttS, nowMs) };
  }

  #inbound(mid: string, row: Row): QualityLevel {
    const now = { received: row.packetsReceived ?? 0, lost: row.packetsLost ?? 0 };
    const before = this.#before.get(mid) ?? now;
    this.#before.set(mid, now);
    const received = now.received - before.received;
    const lost = Math.max(0, now.lost - before.lost);
    return received + lost === 0 ? 'unknown' : level(lost / (received + lost), 0);
  }

  #rows(all: readonly Row[], loss: number, rttS: number, nowMs: number): StatsRow[] {
    const total = (key: 'bytesSent' | 'bytesReceived', type: string) =>
      all.filter((row) => row.type === type).reduce((sum, row) => sum + (row[key] ?? 0), 0);
    const now = { sent: total('bytesSent', 'outbound-rtp'), received: total('bytesReceived', 'inbound-rtp'), at: nowMs };
    const seconds = Math.max(0.001, (now.at - this.#bytes.at) / 1000);
    const rate = (bytes: number) => `${Math.max(0, Math.round((bytes * 8) / seconds / 1000))} kbit/s`;
    const rows = [
      { label: 'Sending', value: rate(now.sent - this.#bytes.sent) },
      { label: 'Receiving', value: rate(now.received - this.#bytes.received) },
      { label: 'Lost on the way up', value: `${(loss * 100).toFixed(1)} %` },
      { label: 'There and back', value: `${Math.round(rttS * 1000)} ms` },
      ...pictures(all),
    ];
    this.#bytes = now;
    return rows;
  }
}

function pictures(all: readonly Row[]): StatsRow[] {
  const shown = (row: Row) => row.kind === 'video' && (row.frameWidth ?? 0) > 0;
  const text = (row: Row) => `${row.frameWidth}x${row.frameHeight}, ${Math.round(row.framesPerSecond ?? 0)} a second`;
  const sent = all.filter((row) => row.type === 'outbound-rtp' && shown(row));
  const seen = all.filter((row) => row.type === 'inbound-rtp' && shown(row));
  return [
    ...sent.map((row) => ({ label: `Picture sent${row.rid === undefined ? '' : ` (${row.rid})`}`, value: text(row) })),
    ...seen.map((row, i) => ({ label: `Picture ${i + 1} received`, value: `${text(row)}, ${row.freezeCount ?? 0} freezes` })),
  ];
}

function level(loss: number, rttS: number): QualityLevel {
  if (loss > POOR_LOSS || rttS > POOR_RTT_S) return 'poor';
  return loss > FAIR_LOSS || rttS > FAIR_RTT_S ? 'fair' : 'good';
}
