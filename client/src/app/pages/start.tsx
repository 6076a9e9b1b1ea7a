/** Start a meeting, or paste a link. */
import { useState } from 'preact/hooks';
import { type Engine, SottoError } from '../engine';
import { noticeWords } from '../text/notices';
import { Icon } from '../ui/icon';
import { Page } from './frame';

interface StartProps {
  readonly engine: Engine;
  /** Go to a room of this server. */
  readonly onRoom: (link: string, hostInvite: string | null) => void;
}

export function StartPage({ engine, onRoom }: StartProps) {
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<{ code: string; text: string } | null>(null);
  const [pasted, setPasted] = useState('');
  const begin = async () => {
    if (busy) return;
    setBusy(true);
    setTrouble(null);
    try {
      const meeting = await engine.createMeeting(location.origin);
      onRoom(meeting.link, meeting.hostInvite);
    } catch (error) {
      setTrouble(creationTrouble(error));
    } finally {
      setBusy(false);
    }
  };
  const join = (event: Event) => {
    event.preventDefault();
    const link = ownLink(engine, pasted);
    if ('trouble' in link) setTrouble(link.trouble);
    else onRoom(link.href, null);
  };
  return (
    <Page title="calls the server cannot hear or see" cls="hero" onHome={() => undefined}>
      <div>
        <h1 tabIndex={-1}>Calls the server cannot <em>hear</em> or <em>see</em>.</h1>
        <p class="lede">Your voice and picture are sealed on your device and opened only by the people you invite. In the browser, with no account.</p>
        <div class="startbox">
          <button type="button" class="btn p" data-testid="start-button" aria-disabled={busy} onClick={() => void begin()}>
            {busy ? 'Making a room' : 'Start a meeting'}
            <Icon name="arrow" size="s" />
          </button>
          <div class="or">or</div>
          <form class="joinrow" onSubmit={join}>
            <label class="inp">
              <Icon name="link" size="s" />
              <input
                aria-label="Meeting link"
                placeholder="Paste a meeting link"
                autocomplete="off"
                spellcheck={false}
                value={pasted}
                onInput={(event) => setPasted(event.currentTarget.value)}
              />
            </label>
            <button type="submit" class="btn">Join</button>
          </form>
          {trouble === null ? null : <p class="field-error" role="alert" data-testid="error" data-code={trouble.code}>{trouble.text}</p>}
        </div>
      </div>
      <Illustration />
    </Page>
  );
}

function creationTrouble(error: unknown): { code: string; text: string } {
  const code = error instanceof SottoError ? error.code : 'internal';
  if (code === 'room.denied') {
    return { code, text: 'Rooms on this server are made by whoever runs it. Ask for a link, or paste one here.' };
  }
  const words = noticeWords(code);
  return { code, text: `${words.heading}. ${words.text}` };
}

function ownLink(engine: Engine, text: string): { href: string } | { trouble: { code: string; text: string } } {
  try {
    const url = new URL(text.trim(), location.origin);
    if (url.origin !== location.origin) {
      return { trouble: { code: 'link.invalid', text: `This link belongs to ${url.host}. Open it in the address bar.` } };
    }
    engine.parseRoomLink(url);
    return { href: url.href };
  } catch (error) {
    const code = error instanceof SottoError ? error.code : 'link.invalid';
    const words = noticeWords(code);
    return { trouble: { code, text: `${words.heading}. ${words.text}` } };
  }
}

/** Two pictures: a person as friends see them, and what the server sees of the same moment. */
function Illustration() {
  return (
    <div class="split" role="img" aria-label="Two pictures: a person, as friends see them, and grey noise, as the server sees them">
      <figure class="a">
        <svg viewBox="0 0 640 440" preserveAspectRatio="xMidYMid slice" aria-hidden="true">
          <defs>
            <linearGradient id="wall" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="#D9C3A0" /><stop offset="1" stop-color="#8C6B4C" /></linearGradient>
            <radialGradient id="lamp" cx="0.8" cy="0.2" r="0.7"><stop offset="0" stop-color="#FFE9C4" stop-opacity="0.75" /><stop offset="1" stop-color="#FFE9C4" stop-opacity="0" /></radialGradient>
          </defs>
          <rect width="640" height="440" fill="url(#wall)" />
          <rect width="640" height="440" fill="url(#lamp)" />
          <rect x="48" y="60" width="150" height="200" rx="6" fill="#FFF8E2" opacity="0.5" />
          <path d="M105 470c10-120 95-135 173-154h84c78 19 163 34 173 154z" fill="#345C5A" />
          <path d="M290 240l-6 78q36 38 72 0l-6-78z" fill="#DDAE88" />
          <path d="M256 182c-4 62 24 110 64 111 40-1 68-49 64-111-8-56-120-56-128 0z" fill="#E9BE9B" />
          <path d="M244 268c-20-200 172-200 152 0-6-54-24-80-64-110-24 26-66 40-88 110z" fill="#5A3524" />
          <circle cx="296" cy="216" r="5" fill="#28120E" /><circle cx="344" cy="216" r="5" fill="#28120E" />
          <path d="M302 262q18 15 38-1" stroke="#28120E" stroke-width="4" fill="none" stroke-linecap="round" />
        </svg>
        <figcaption><Icon name="shield-check" size="s" />What your friends see</figcaption>
      </figure>
      <figure class="b">
        <svg viewBox="0 0 56 42" preserveAspectRatio="xMidYMid slice" aria-hidden="true" shape-rendering="crispEdges">{noise()}</svg>
        <figcaption><Icon name="eye-off" size="s" />What the server sees</figcaption>
      </figure>
    </div>
  );
}

function noise() {
  const cells = [];
  let seed = 20261;
  for (let y = 0; y < 42; y += 1) {
    for (let x = 0; x < 56; x += 1) {
      seed = (seed * 1103515245 + 12345) & 0x7fffffff;
      const v = (seed >> 12) & 255;
      cells.push(<rect key={y * 56 + x} x={x} y={y} width={1} height={1} fill={`rgb(${18 + Math.round(v * 0.42)} ${30 + Math.round(v * 0.48)} ${34 + Math.round(v * 0.46)})`} />);
    }
  }
  return cells;
}
