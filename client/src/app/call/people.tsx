/** The people panel: one row for each key holder, you first; it comes from the keys held here. */
import { useEffect, useRef } from 'preact/hooks';
import type { Participant } from '../engine';
import type { CallModel } from '../model/call';
import { groundOf, initials } from '../text/clean';
import { hears, personName, shieldWords } from '../text/words';
import { Note, Square } from '../ui/controls';
import { Icon } from '../ui/icon';
import { CopyLink } from './alone';

export function PeoplePanel({ model }: { model: CallModel }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    const opener = document.activeElement;
    heading.current?.focus();
    return () => {
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  const { participants } = model.snapshot.value;
  const keyed = participants.filter((one) => one.keyed);
  const others = participants.filter((one) => !one.keyed);
  const ordered = [...keyed.filter((one) => one.isSelf), ...keyed.filter((one) => !one.isSelf)];
  const close = () => (model.peopleOpen.value = false);
  return (
    <aside
      class="panel"
      aria-label="People"
      onKeyDown={(event) => {
        if (event.key === 'Escape') close();
      }}
    >
      <header>
        <h2 ref={heading} tabIndex={-1}>People</h2>
        <Square label="Close panel (Esc)" icon="x" onClick={close} />
      </header>
      <div class="scroll" tabIndex={0}>
        <Note icon="shield-check">This list comes from the keys on your device, not from the server. Only somebody with the whole link can open what you send.</Note>
        <div class="rowh">In the call<span>{ordered.length}</span></div>
        <ul>{ordered.map((one) => <Row key={one.pid} person={one} />)}</ul>
        {others.length === 0 ? null : (
          <>
            <div class="rowh">Without your seal<span>{others.length}</span></div>
            <ul>{others.map((one) => <Row key={one.pid} person={one} />)}</ul>
          </>
        )}
      </div>
      <div class="foot"><CopyLink model={model} wide /></div>
    </aside>
  );
}

function Row({ person }: { person: Participant }) {
  const shield = shieldWords(person.shield, person.keyed);
  return (
    <li class="prow">
      <div class={`mono h${groundOf(person.pid)}`} aria-hidden="true">{initials(person.name)}</div>
      <div>
        <b dir="auto">{personName(person)}{person.role === 'host' ? <small>  host</small> : null}</b>
        <div class={`st ${shield.tone}`}>
          <Icon name={person.isSelf ? 'shield-check' : shield.icon} size="xs" />
          <span>{person.isSelf ? 'Your device' : shield.text}</span>
        </div>
      </div>
      <div class="r">{hears(person) ? null : <span class="sq" role="img" aria-label="Microphone is off"><Icon name="mic-off" size="s" /></span>}</div>
    </li>
  );
}
