/** Starts the app with the real SDK. */
import { render } from 'preact';
import { browserSupport, Call, createMeeting, devices, formatRoomLink, parseRoomLink } from '../sdk/index';
import { App, Root } from './app';
import './styles/app.css';

async function autojoinAllowed(): Promise<boolean> {
  try {
    const facts: unknown = await (await fetch('/config.json')).json();
    return (facts as { autojoin?: unknown }).autojoin === true;
  } catch {
    return false;
  }
}

const root = document.getElementById('app');
if (root !== null) {
  const engine = { parseRoomLink, formatRoomLink, createMeeting, browserSupport, devices, newCall: (options: ConstructorParameters<typeof Call>[0]) => new Call(options) };
  const app = new App(engine, await autojoinAllowed());
  app.open();
  render(<Root app={app} />, root);
}
