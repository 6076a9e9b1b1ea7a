/** Short notes at the bottom left, and what screen readers hear. At most two at a time, 6 s each. */
import { signal } from '@preact/signals';

export interface ToastAction {
  readonly text: string;
  readonly run: () => void;
}

export interface Toast {
  readonly id: number;
  readonly text: string;
  /** With an action a toast stays until it is used or dismissed. */
  readonly action: ToastAction | null;
}

const MOST = 2;
export const TOAST_MS = 6000;

export class Toasts {
  readonly list = signal<readonly Toast[]>([]);
  /** Text of the two live regions; they exist from load. */
  readonly polite = signal('');
  readonly assertive = signal('');
  private lastId = 0;

  /** Show a toast and say it politely. */
  show(text: string, action: ToastAction | null = null): void {
    this.lastId += 1;
    const kept = this.list.value.filter((toast) => toast.text !== text);
    this.list.value = [...kept, { id: this.lastId, text, action }].slice(-MOST);
    this.say(text);
  }

  dismiss(id: number): void {
    this.list.value = this.list.value.filter((toast) => toast.id !== id);
  }

  clear(): void {
    this.list.value = [];
  }

  say(text: string): void {
    this.polite.value = again(this.polite.value, text);
  }

  /** Only for what cannot wait: an alarm, removed. */
  sayNow(text: string): void {
    this.assertive.value = again(this.assertive.value, text);
  }
}

/** The same words twice are no change for a live region: a trailing space makes them one. */
function again(before: string, text: string): string {
  return before === text ? `${text}\u00a0` : text;
}
