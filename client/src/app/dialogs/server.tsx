/** "What the server can see": E2EE.md 5.9 in plain words, true for what is built now. */
import { Button, Note } from '../ui/controls';
import { Dialog } from '../ui/dialog';
import { Icon } from '../ui/icon';

const CANNOT = ['Voices, video and shared screens', 'Names', 'The secret in the link'];
const CAN = [
  'How many devices are in, and their network addresses',
  'When each came and left, and who is muted',
  'How much is sent, when, and roughly when someone speaks',
  'How large the pictures are',
  'That it can always cut the call off',
];

export function ServerDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="What the server can see" wide onClose={onClose}>
      <p class="t2">The server passes on sealed packets. It has no key, so it cannot open them, record them or hand them over. It does see that a call takes place.</p>
      <div class="cols">
        <List title="It cannot see" icon="eye-off" tone="sealed" items={CANNOT} />
        <List title="It can see" icon="eye" tone="t2" items={CAN} />
      </div>
      <Note icon="warn" tone="c">One thing needs trust: whoever serves this page. A changed page could give your key away. The key is in the link: whoever has the whole link can come in.</Note>
      <div class="acts2"><Button text="Close" tone="p" onClick={onClose} /></div>
    </Dialog>
  );
}

function List({ title, icon, tone, items }: { title: string; icon: 'eye' | 'eye-off'; tone: string; items: readonly string[] }) {
  return (
    <div>
      <h3 class={tone}>{title}</h3>
      <ul class="seen">
        {items.map((item) => <li key={item}><Icon name={icon} size="s" tone={tone === 't2' ? 't3' : tone} /><span>{item}</span></li>)}
      </ul>
    </div>
  );
}
