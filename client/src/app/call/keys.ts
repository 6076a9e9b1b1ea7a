/** Single-key shortcuts of a call. They rest while somebody types, in dialogs, and when turned off. */
import type { CallModel } from '../model/call';
import type { DialogName } from './dock';
import { toggleFullScreen } from './topbar';

export interface KeyActs {
  readonly model: CallModel;
  readonly onDialog: (name: DialogName) => void;
  readonly onMore: () => void;
  readonly onLeave: () => void;
}

export function listenToKeys(acts: KeyActs): () => void {
  const down = (event: KeyboardEvent) => {
    if (!mayAct(event, acts.model)) return;
    if (event.code === 'Space' && !isControl(event.target)) {
      acts.model.hold(true);
      event.preventDefault();
    } else if (!event.repeat && press(event, acts)) {
      event.preventDefault();
    }
  };
  const up = (event: KeyboardEvent) => {
    if (event.code === 'Space') acts.model.hold(false);
  };
  const blur = () => acts.model.hold(false);
  addEventListener('keydown', down);
  addEventListener('keyup', up);
  addEventListener('blur', blur);
  return () => {
    removeEventListener('keydown', down);
    removeEventListener('keyup', up);
    removeEventListener('blur', blur);
  };
}

function mayAct(event: KeyboardEvent, model: CallModel): boolean {
  const target = event.target as HTMLElement;
  const typing = target.matches('input, select, textarea, [contenteditable]');
  const modal = document.querySelector('dialog[open]') !== null || target.closest('.menu') !== null;
  return model.parts.prefs.keys.value && !typing && !modal && !event.ctrlKey && !event.metaKey && !event.altKey;
}

/** Space on a focused control presses it, as everywhere. */
function isControl(target: EventTarget | null): boolean {
  return (target as HTMLElement).matches('button, a, summary, [role=button]');
}

function press(event: KeyboardEvent, { model, onDialog, onMore, onLeave }: KeyActs): boolean {
  if (event.key === 'L' && event.shiftKey) return run(onLeave);
  if (event.key === '?') return run(() => onDialog('shortcuts'));
  if (event.shiftKey) return false;
  if (/^[1-9]$/.test(event.key)) {
    const tile = model.tiles.value[Number(event.key) - 1];
    if (tile !== undefined) model.togglePin(tile.key);
    return tile !== undefined;
  }
  switch (event.key.toLowerCase()) {
    case 'm': return run(() => model.toggleMicrophone());
    case 'c': return run(() => model.toggleCamera());
    case 's': return run(() => model.toggleScreen());
    case 'p': return run(() => (model.peopleOpen.value = !model.peopleOpen.value));
    case 'v': return run(() => model.toggleView());
    case 'f': return run(toggleFullScreen);
    case 'q': return run(() => onDialog('statistics'));
    case 'e': return run(() => onDialog('server'));
    case '.': return run(onMore);
    default: return false;
  }
}

function run(act: () => void): true {
  act();
  return true;
}
