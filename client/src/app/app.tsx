/** Which page is shown, and how one leads to the next. */
import { signal, type Signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { CallPage } from './call/call_page';
import { type CallHandle, type Engine, type ErrorCode, type RoomLink, SottoError } from './engine';
import { CallModel } from './model/call';
import { LobbyModel } from './model/lobby';
import { Prefs } from './model/prefs';
import { Toasts } from './model/toasts';
import { LobbyPage } from './pages/lobby';
import { NoticePage } from './pages/notice';
import { StartPage } from './pages/start';
import { LEFT_WORDS, type NoticeAct, noticeWords } from './text/notices';
import { LiveRegions } from './ui/toasts';

type Screen =
  | { readonly is: 'start' }
  | { readonly is: 'lobby'; readonly lobby: LobbyModel }
  | { readonly is: 'call'; readonly model: CallModel }
  | { readonly is: 'left' }
  | { readonly is: 'error'; readonly code: ErrorCode; readonly detail: string };

const HOST_INVITE = 'sotto.host.';
const RETRY_MS = 5000;

export class App {
  readonly screen: Signal<Screen> = signal({ is: 'start' });
  readonly prefs = new Prefs();
  readonly toasts = new Toasts();
  #retry: ReturnType<typeof setTimeout> | undefined;

  /** `autojoin`: the server allows links that join by themselves. */
  constructor(
    readonly engine: Engine,
    readonly autojoin: boolean,
  ) {
    addEventListener('popstate', () => this.open()); // also fires when only the fragment changed
  }

  /** Show what the address says. */
  open(): void {
    clearTimeout(this.#retry);
    this.#close();
    if (location.pathname === '/') return this.#show({ is: 'start' });
    const support = this.engine.browserSupport();
    if (!support.ok) return this.#fail('browser.unsupported', support.missing.join(', '));
    try {
      this.#lobby(this.engine.parseRoomLink(new URL(location.href)));
    } catch (error) {
      this.#fail(error instanceof SottoError ? error.code : 'link.invalid', '');
    }
  }

  goTo(href: string, hostInvite: string | null): void {
    const url = new URL(href, location.origin);
    history.pushState(null, '', url.pathname + url.hash);
    if (hostInvite !== null) remember(HOST_INVITE + url.pathname, hostInvite);
    this.open();
  }

  async join(lobby: LobbyModel): Promise<void> {
    if (lobby.joining.value) return;
    lobby.joining.value = true;
    await lobby.settled();
    if (!this.#isShown(lobby)) return;
    const call = this.engine.newCall(this.#options(lobby));
    try {
      await call.join();
    } catch (error) {
      if (!this.#isShown(lobby)) return;
      const code = error instanceof SottoError ? error.code : 'internal';
      return this.#fail(code, error instanceof SottoError ? error.detail : String(error));
    }
    // Somebody who went elsewhere while joining does not stay behind as a ghost.
    if (this.#isShown(lobby)) this.#enter(call);
    else void call.leave();
  }

  #isShown(lobby: LobbyModel): boolean {
    const screen = this.screen.value;
    return screen.is === 'lobby' && screen.lobby === lobby;
  }

  act(act: NoticeAct): void {
    if (act === 'start') this.goTo('/', null);
    else if (act === 'reload') location.reload();
    else if (act === 'copy') void navigator.clipboard.writeText(location.href);
    else this.open();
  }

  #lobby(link: RoomLink): void {
    const lobby = new LobbyModel(this.engine, this.prefs, link);
    this.#show({ is: 'lobby', lobby });
    const ready = lobby.start();
    const loopback = ['localhost', '127.0.0.1', '[::1]'].includes(location.hostname);
    if (link.autojoin && link.name !== null && (loopback || this.autojoin)) {
      void ready.then(() => {
        lobby.without(); // nobody is there to answer a question about a camera
        return this.join(lobby);
      });
    }
  }

  #options(lobby: LobbyModel) {
    const { link } = lobby;
    const host = recall(HOST_INVITE + location.pathname);
    const speakerId = lobby.speakerId.value;
    return {
      link: host === null ? link : { ...link, invite: host },
      name: lobby.name.value,
      ...lobby.take(),
      ...(speakerId === '' ? {} : { speakerId }),
    };
  }

  #enter(call: CallHandle): void {
    const { toasts, prefs } = this;
    const model = new CallModel({ call, toasts, prefs, devices: this.engine.devices, now: Date.now });
    this.#show({ is: 'call', model });
    call.subscribe((snapshot) => {
      if (snapshot.status === 'left') this.#over({ is: 'left' }, model);
      else if (snapshot.status === 'failed') {
        const { code, detail } = snapshot.error ?? new SottoError('internal');
        this.#over({ is: 'error', code, detail }, model);
      }
    });
  }

  #over(screen: Screen, model: CallModel): void {
    model.dispose();
    this.toasts.clear();
    this.#show(screen);
  }

  #fail(code: ErrorCode, detail: string): void {
    this.#show({ is: 'error', code, detail });
    if (code === 'server.unreachable') this.#retry = setTimeout(() => this.open(), RETRY_MS);
  }

  #close(): void {
    const screen = this.screen.value;
    if (screen.is === 'lobby') screen.lobby.close();
    if (screen.is === 'call') {
      screen.model.dispose();
      void screen.model.call.leave();
    }
  }

  #show(screen: Screen): void {
    this.screen.value = screen;
  }
}

export function Root({ app }: { app: App }) {
  const screen = app.screen.value;
  const theme = app.prefs.theme.value;
  useEffect(() => {
    document.documentElement.dataset['theme'] = theme;
  }, [theme]);
  return (
    <>
      <LiveRegions toasts={app.toasts} />
      <Current app={app} screen={screen} />
    </>
  );
}

function Current({ app, screen }: { app: App; screen: Screen }) {
  switch (screen.is) {
    case 'start':
      return <StartPage engine={app.engine} onRoom={(link, invite) => app.goTo(link, invite)} />;
    case 'lobby':
      return <LobbyPage engine={app.engine} lobby={screen.lobby} onJoin={() => void app.join(screen.lobby)} onHome={() => app.act('start')} />;
    case 'call':
      return <CallPage model={screen.model} />;
    case 'left':
      return <NoticePage words={LEFT_WORDS} code={null} detail="" onAct={(act) => app.act(act)} />;
    case 'error':
      return <NoticePage words={noticeWords(screen.code)} code={screen.code} detail={screen.detail} onAct={(act) => app.act(act)} />;
  }
}

/** A host's invite stays in this tab; the link that people copy carries the guests'. */
function remember(key: string, value: string): void {
  try {
    sessionStorage.setItem(key, value);
  } catch {
    // storage is forbidden: the maker of the room comes in as a guest
  }
}

function recall(key: string): string | null {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}
