/** The alarm: blocks, is heard at once, and Esc does not close it. */
import type { Alarm } from '../engine';
import { alarmWords } from '../text/alarms';
import { Button } from '../ui/controls';
import { Modal } from '../ui/dialog';
import { Icon } from '../ui/icon';

interface AlarmProps {
  readonly alarm: Alarm;
  readonly onLeave: () => void;
  readonly onGoOn: () => void;
}

export function AlarmDialog({ alarm, onLeave, onGoOn }: AlarmProps) {
  const words = alarmWords(alarm);
  return (
    <Modal label="alarm-title" role="alertdialog" described="alarm-text" onClose={null}>
      <section class="dlg al" data-testid="error" data-code={words.code}>
        <div class="big"><Icon name="shield-alert" /></div>
        <h2 id="alarm-title">{words.heading}</h2>
        <p class="t2" id="alarm-text">{words.text}</p>
        <p>A server that works honestly does not do this. Tell whoever runs it.</p>
        <div class="acts2">
          <Button text="Leave the call" icon="leave" tone="danger" onClick={onLeave} />
          <Button text={words.goOn} tone="ghost" onClick={onGoOn} />
        </div>
        <details>
          <summary><Icon name="down" size="s" />What exactly happened</summary>
          <p class="num">{words.exactly}</p>
        </details>
      </section>
    </Modal>
  );
}
