/** The few shapes of buttons the app has. */
import type { ComponentChildren, JSX } from 'preact';
import { Icon } from './icon';
import type { IconName } from './icons';

interface ButtonProps {
  readonly text: string;
  readonly onClick: (event: JSX.TargetedMouseEvent<HTMLButtonElement>) => void;
  readonly tone?: '' | 'p' | 'ghost' | 'danger';
  readonly icon?: IconName;
  readonly wide?: boolean;
  readonly testid?: string;
}

export function Button({ text, onClick, tone = '', icon, wide = false, testid }: ButtonProps) {
  return (
    <button type="button" class={`btn ${tone}${wide ? ' w' : ''}`} onClick={onClick} data-testid={testid}>
      {icon === undefined ? null : <Icon name={icon} size="s" />}
      {text}
    </button>
  );
}

interface SquareProps {
  readonly label: string;
  readonly icon: IconName;
  readonly onClick: (event: JSX.TargetedMouseEvent<HTMLButtonElement>) => void;
  readonly pressed?: boolean;
  readonly cls?: string;
}

/** A 44 px square with an icon; its label is also its tooltip. */
export function Square({ label, icon, onClick, pressed, cls = '' }: SquareProps) {
  return (
    <button type="button" class={`sq ${cls}`} aria-label={label} title={label} aria-pressed={pressed} onClick={onClick}>
      <Icon name={icon} />
    </button>
  );
}

export function Note({ icon, tone = '', children }: { icon: IconName; tone?: string; children: ComponentChildren }) {
  return (
    <div class={`note ${tone}`}>
      <Icon name={icon} size="s" />
      <span>{children}</span>
    </div>
  );
}
