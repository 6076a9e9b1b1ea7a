/**
 * What this browser remembers. The theme and whether single keys work are preferences and stay; name, devices
 * and mute state belong to this tab and only outlive a reload. Neither the link nor a key is ever in here.
 */
import { signal } from '@preact/signals';

export type Theme = 'dark' | 'light';

export interface TabMemory {
  readonly name: string;
  readonly microphoneId: string;
  readonly cameraId: string;
  readonly speakerId: string;
  readonly microphoneOn: boolean;
  readonly cameraOn: boolean;
}

const THEME = 'sotto.theme';
const KEYS = 'sotto.keys';
const TAB = 'sotto.tab';
const FRESH: TabMemory = { name: '', microphoneId: '', cameraId: '', speakerId: '', microphoneOn: true, cameraOn: true };

export class Prefs {
  readonly theme = signal<Theme>(read(localStore(), THEME) === 'light' ? 'light' : 'dark');
  /** Single letters act (WCAG 2.1.4 asks that they can be turned off). */
  readonly keys = signal(read(localStore(), KEYS) !== 'off');

  setTheme(theme: Theme): void {
    this.theme.value = theme;
    write(localStore(), THEME, theme);
  }

  setKeys(on: boolean): void {
    this.keys.value = on;
    write(localStore(), KEYS, on ? 'on' : 'off');
  }

  tab(): TabMemory {
    return parseTab(read(tabStore(), TAB));
  }

  rememberTab(change: Partial<TabMemory>): void {
    write(tabStore(), TAB, JSON.stringify({ ...this.tab(), ...change }));
  }
}

function parseTab(text: string | null): TabMemory {
  if (text === null) return FRESH;
  try {
    const found: unknown = JSON.parse(text);
    return typeof found === 'object' && found !== null ? sameTypes(FRESH, found) : FRESH;
  } catch {
    return FRESH; // not ours, or cut off: begin afresh
  }
}

function sameTypes(wanted: TabMemory, found: object): TabMemory {
  const fitting = Object.entries(found).filter(([key, value]) => key in wanted && typeof value === typeof wanted[key as keyof TabMemory]);
  return { ...wanted, ...Object.fromEntries(fitting) };
}

// Storage may be forbidden (privacy settings): then nothing is remembered and everything else works.
function localStore(): Storage | null {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null;
  }
}

function tabStore(): Storage | null {
  try {
    return globalThis.sessionStorage ?? null;
  } catch {
    return null;
  }
}

function read(store: Storage | null, key: string): string | null {
  try {
    return store?.getItem(key) ?? null;
  } catch {
    return null;
  }
}

function write(store: Storage | null, key: string, value: string): void {
  try {
    store?.setItem(key, value);
  } catch {
    // full or forbidden: a preference is not worth a word
  }
}
