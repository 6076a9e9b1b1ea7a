/** What the blocking alarm says. Pure; the words are those of UI.md section 5, without guessing at a pronoun. */
import type { Alarm } from '../engine';
import { firstName, shownName } from './clean';

export interface AlarmWords {
  /** For the element's `data-code`. */
  readonly code: string;
  readonly heading: string;
  readonly text: string;
  readonly goOn: string;
  readonly exactly: string;
}

export function alarmWords(alarm: Alarm): AlarmWords {
  const who = firstName(alarm.name);
  const code = `e2ee.${alarm.kind}`;
  const exactly = account(alarm);
  switch (alarm.kind) {
    case 'sender_mismatch':
      return {
        code,
        heading: `This was not ${who}\u2019s picture`,
        text: `A picture arrived under ${who}\u2019s name that ${who}\u2019s device did not seal. It was thrown away before it could be shown. Your call with the others goes on, still sealed.`,
        goOn: 'Go on without this picture',
        exactly,
      };
    case 'ctx_mismatch':
      return {
        code,
        heading: `${who}\u2019s picture came in the wrong place`,
        text: `What ${who}\u2019s device sealed for one place, such as the screen, arrived in another. It was thrown away before it could be shown. Your call with the others goes on, still sealed.`,
        goOn: 'Go on without this picture',
        exactly,
      };
    case 'unsealed':
      return {
        code,
        heading: 'Something arrived without a seal',
        text: 'It was thrown away. Nothing of yours was sent open.',
        goOn: 'Go on',
        exactly,
      };
  }
}

function account(alarm: Alarm): string {
  const time = new Date(alarm.at).toLocaleTimeString(undefined, { hour12: false });
  const seconds = (Math.max(0, alarm.sinceMs) / 1000).toFixed(1);
  const seat = alarm.kind === 'unsealed' ? 'frames without a seal' : 'frames that carried another key';
  const where = alarm.pid === null ? 'arrived' : `arrived in ${shownName(alarm.name)}\u2019s seat`;
  return `At ${time}, for ${seconds} s: ${seat} ${where}. Withheld: ${alarm.frames} ${alarm.frames === 1 ? 'frame' : 'frames'}. Shown: 0.`;
}
