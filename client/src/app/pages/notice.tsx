/** Error pages, left, removed, ended: one heading, one text, what to do. */
import type { NoticeAct, NoticeWords } from '../text/notices';
import { Button } from '../ui/controls';
import { Icon } from '../ui/icon';
import { Page } from './frame';

interface NoticeProps {
  readonly words: NoticeWords;
  /** `data-code` of an error; null for left and the like. */
  readonly code: string | null;
  readonly detail: string;
  readonly onAct: (act: NoticeAct) => void;
}

export function NoticePage({ words, code, detail, onAct }: NoticeProps) {
  const error = code === null ? {} : { 'data-testid': 'error', 'data-code': code, role: 'alert' as const };
  return (
    <Page title={words.heading} cls="mid-page" onHome={() => onAct('start')}>
      <div class="mid" {...error}>
        <div class={`big${words.calm ? ' calm' : ''}`}><Icon name={words.icon} /></div>
        <h1 tabIndex={-1}>{words.heading}</h1>
        <p class="t2">{words.text}</p>
        <div class="acts2">
          {words.buttons.map((button, i) => (
            <Button key={button.act} text={button.text} tone={i === 0 ? 'p' : 'ghost'} onClick={() => onAct(button.act)} />
          ))}
        </div>
        {code === null ? null : (
          <details>
            <summary><Icon name="down" size="s" />What exactly happened</summary>
            <p class="num">{code}{detail === '' ? '' : `: ${detail}`}</p>
          </details>
        )}
      </div>
    </Page>
  );
}
