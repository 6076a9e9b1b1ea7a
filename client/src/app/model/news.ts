/**
 * What is worth saying about a change from one snapshot to the next. Sans-IO: times in milliseconds.
 *
 * Arrivals within 2 s become one sentence; the wait also lets a sealed name be opened first.
 */
import type { CallSnapshot, Participant } from '../engine';
import { shownName } from '../text/clean';
import { backWords, cameOrLeft } from '../text/words';

export interface News {
  readonly text: string;
  /** Said only, not shown: too many people for a toast, or the screen shows it already. */
  readonly quiet: boolean;
}

const GATHER_MS = 2000;
const TOASTED_PEOPLE = 9;

export class NewsDesk {
  private readonly arrived = new Set<string>();
  private readonly departed: string[] = [];
  private since: number | null = null;
  private droppedAt: number | null = null;

  /** Look at a change. Returns what can be said at once; `due` has the rest later. */
  observe(before: CallSnapshot, after: CallSnapshot, nowMs: number): News[] {
    const back = this.network(before, after, nowMs);
    if (before.status === 'joined' && after.status === 'joined') this.comings(before, after, nowMs);
    return [...back, ...shares(before, after)];
  }

  /** Sentences whose time has come. */
  due(current: CallSnapshot, nowMs: number): News[] {
    if (this.since === null || nowMs - this.since < GATHER_MS) return [];
    const quiet = current.participants.length > TOASTED_PEOPLE;
    const here = current.participants.filter((person) => this.arrived.has(person.pid)).map((person) => shownName(person.name));
    const told = [cameOrLeft(here, 'came in'), cameOrLeft(this.departed, 'left')].filter((text) => text !== '');
    this.arrived.clear();
    this.departed.length = 0;
    this.since = null;
    return told.map((text) => ({ text, quiet }));
  }

  private network(before: CallSnapshot, after: CallSnapshot, nowMs: number): News[] {
    if (before.status !== 'reconnecting' && after.status === 'reconnecting') this.droppedAt = nowMs;
    if (before.status !== 'reconnecting' || after.status !== 'joined' || this.droppedAt === null) return [];
    const missedMs = nowMs - this.droppedAt;
    this.droppedAt = null;
    return [{ text: backWords(missedMs), quiet: false }];
  }

  private comings(before: CallSnapshot, after: CallSnapshot, nowMs: number): void {
    const old = new Map(before.participants.map((person) => [person.pid, person]));
    const now = new Set(after.participants.map((person) => person.pid));
    for (const person of after.participants) if (!old.has(person.pid) && !person.isSelf) this.arrived.add(person.pid);
    for (const person of before.participants) if (!now.has(person.pid)) this.leaves(person);
    const waiting = this.arrived.size + this.departed.length > 0;
    this.since = waiting ? (this.since ?? nowMs) : null;
  }

  private leaves(person: Participant): void {
    if (person.isSelf || this.arrived.delete(person.pid)) return; // in and out within 2 s: not worth a word
    this.departed.push(shownName(person.name));
  }
}

function shares(before: CallSnapshot, after: CallSnapshot): News[] {
  const shared = new Set(before.participants.filter((person) => person.screen.state !== 'off').map((person) => person.pid));
  return after.participants
    .filter((person) => !person.isSelf && person.screen.state !== 'off' && !shared.has(person.pid))
    .map((person) => ({ text: `${shownName(person.name)} shares a screen`, quiet: true }));
}

/** What happened to one's own device without being asked, or null. `listed`: labels of devices plugged in now. */
export function unplugged(before: { label: string; active: boolean }, after: { label: string; active: boolean }, listed: readonly string[], noun: string): string | null {
  const lost = before.active && before.label !== '' && before.label !== after.label && !listed.includes(before.label);
  if (!lost) return null;
  return after.active && after.label !== ''
    ? `${before.label} was unplugged. ${after.label} takes over.`
    : `${before.label} was unplugged. There is no other ${noun}.`;
}
