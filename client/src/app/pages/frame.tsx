/** What every page outside a call has: wordmark, "What the server can see", one heading that takes focus. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ServerDialog } from '../dialogs/server';
import { Icon } from '../ui/icon';

export function Brand({ onHome }: { onHome: () => void }) {
  return (
    <a
      class="brand"
      href="/"
      aria-label="Sotto, start page"
      onClick={(event) => {
        event.preventDefault();
        onHome();
      }}
    >
      <Icon name="mark" />
      Sotto
    </a>
  );
}

interface PageProps {
  readonly title: string;
  readonly cls: string;
  readonly onHome: () => void;
  readonly children: ComponentChildren;
}

export function Page({ title, cls, onHome, children }: PageProps) {
  const [open, setOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    document.title = `Sotto: ${title}`;
    main.current?.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true });
  }, [title]);
  return (
    <div class="page">
      <header>
        <Brand onHome={onHome} />
        <button type="button" class="btn ghost quiet" onClick={() => setOpen(true)}>
          <Icon name="eye" size="s" />
          What the server can see
        </button>
      </header>
      <main id="main" ref={main} class={cls}>{children}</main>
      <footer>
        <span><Icon name="lock" size="s" />This server runs on {location.host}</span>
        <span>Sotto, open source</span>
      </footer>
      {open ? <ServerDialog onClose={() => setOpen(false)} /> : null}
    </div>
  );
}
