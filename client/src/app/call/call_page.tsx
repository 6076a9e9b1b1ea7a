/** The call: top bar, stage, panel, dock, and the dialogs above them. */
import { useEffect, useState } from 'preact/hooks';
import { AlarmDialog } from '../dialogs/alarm';
import { DevicesDialog } from '../dialogs/devices';
import { ServerDialog } from '../dialogs/server';
import { ShortcutsDialog } from '../dialogs/shortcuts';
import { StatisticsDialog } from '../dialogs/statistics';
import type { CallModel } from '../model/call';
import { alarmWords } from '../text/alarms';
import { roomTitle } from '../text/clean';
import { type DialogName, Dock } from './dock';
import { listenToKeys } from './keys';
import { PeoplePanel } from './people';
import { Stage } from './stage';
import { TopBar } from './topbar';

export function CallPage({ model }: { model: CallModel }) {
  const [dialog, setDialog] = useState<DialogName | null>(null);
  const [more, setMore] = useState(false);
  const leave = () => void model.call.leave();
  const { room, seal, status } = model.snapshot.value;
  useEffect(() => {
    document.title = `Sotto: ${roomTitle(room)}`;
    document.querySelector<HTMLElement>('.room')?.focus({ preventScroll: true });
    return listenToKeys({ model, onDialog: setDialog, onMore: () => setMore(true), onLeave: leave });
  }, []);
  useWakeLock();
  const { alarm } = seal;
  useEffect(() => {
    if (alarm !== null) model.parts.toasts.sayNow(alarmWords(alarm).heading);
  }, [alarm?.at]);
  const close = () => setDialog(null);
  return (
    <div class={`call${status === 'reconnecting' ? ' stale' : ''}`}>
      <a class="skip" href="#main" onClick={skip}>Skip to the call</a>
      <TopBar model={model} onServer={() => setDialog('server')} onStatistics={() => setDialog('statistics')} />
      <Stage model={model} />
      {model.peopleOpen.value ? <PeoplePanel model={model} /> : null}
      <Dock model={model} moreOpen={more} onMore={setMore} onDialog={setDialog} onLeave={leave} />
      {dialog === 'server' ? <ServerDialog onClose={close} /> : null}
      {dialog === 'statistics' ? <StatisticsDialog model={model} onClose={close} /> : null}
      {dialog === 'shortcuts' ? <ShortcutsDialog prefs={model.parts.prefs} onClose={close} /> : null}
      {dialog === 'devices' ? <DevicesDialog model={model} onClose={close} /> : null}
      {alarm === null ? null : <AlarmDialog alarm={alarm} onLeave={leave} onGoOn={() => model.call.dismissAlarm()} />}
    </div>
  );
}

/** The fragment of the address holds the key: a plain jump to #main would lose it. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

/** The screen stays on during a call; the lock is lost with a hidden page and asked for again. */
function useWakeLock(): void {
  useEffect(() => {
    let lock: WakeLockSentinel | null = null;
    let over = false;
    const ask = async () => {
      if (document.visibilityState !== 'visible' || over) return;
      lock = (await navigator.wakeLock?.request('screen').catch(() => null)) ?? null; // battery low: the system says no
      if (over) void lock?.release();
    };
    void ask();
    document.addEventListener('visibilitychange', ask);
    return () => {
      over = true;
      document.removeEventListener('visibilitychange', ask);
      void lock?.release();
    };
  }, []);
}
