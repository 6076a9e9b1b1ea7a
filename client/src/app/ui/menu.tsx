/** A menu that opens above its button: arrows move, Esc and a click elsewhere close, focus goes back. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Icon } from './icon';

interface MenuProps {
  readonly label: string;
  readonly onClose: () => void;
  readonly right?: boolean;
  readonly children: ComponentChildren;
}

export function Menu({ label, onClose, right = false, children }: MenuProps) {
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const opener = document.activeElement;
    items(ref.current)[0]?.focus();
    const outside = (event: PointerEvent) => {
      if (event.target instanceof Node && !ref.current?.contains(event.target) && event.target !== opener) onClose();
    };
    document.addEventListener('pointerdown', outside, true);
    return () => {
      document.removeEventListener('pointerdown', outside, true);
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  return (
    <div ref={ref} class={`menu${right ? ' right' : ''}`} role="menu" aria-label={label} onKeyDown={(event) => move(event, ref.current, onClose)}>
      {children}
    </div>
  );
}

export function MenuItem({ text, checked, onClick }: { text: string; checked?: boolean; onClick: () => void }) {
  return (
    <button type="button" role={checked === undefined ? 'menuitem' : 'menuitemradio'} aria-checked={checked} tabIndex={-1} onClick={onClick}>
      {checked === undefined ? null : <span class="tick">{checked ? <Icon name="check" size="s" /> : null}</span>}
      <span dir="auto">{text}</span>
    </button>
  );
}

function items(menu: HTMLElement | null): HTMLElement[] {
  return menu === null ? [] : Array.from(menu.querySelectorAll<HTMLElement>('[role^=menuitem]'));
}

function move(event: KeyboardEvent, menu: HTMLElement | null, onClose: () => void): void {
  const all = items(menu);
  const at = all.indexOf(document.activeElement as HTMLElement);
  const to: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1 + all.length, Home: 0, End: all.length - 1 };
  const next = to[event.key];
  if (event.key === 'Escape' || event.key === 'Tab') onClose();
  else if (next !== undefined) all[next % all.length]?.focus();
  else return;
  if (event.key !== 'Tab') event.preventDefault();
  event.stopPropagation();
}
