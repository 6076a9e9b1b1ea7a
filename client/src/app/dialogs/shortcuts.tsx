/** The keys, and whether single letters act. */
import type { Prefs } from '../model/prefs';
import { Button } from '../ui/controls';
import { Dialog } from '../ui/dialog';

const KEYS: readonly [string, string][] = [
  ['M', 'Microphone on or off'], ['Space', 'Hold to talk'], ['C', 'Camera on or off'], ['S', 'Share your screen'],
  ['P', 'People'], ['V', 'Switch view'], ['F', 'Full screen'], ['1 to 9', 'Pin somebody'], ['Q', 'Statistics'],
  ['E', 'What the server can see'], ['.', 'More'], ['Shift+L', 'Leave the call'], ['?', 'This list'],
];

export function ShortcutsDialog({ prefs, onClose }: { prefs: Prefs; onClose: () => void }) {
  const on = prefs.keys.value;
  return (
    <Dialog title="Shortcuts" onClose={onClose}>
      <div class="keys">
        {KEYS.map(([key, act]) => [<kbd class="kbd" key={key}>{key}</kbd>, <span key={act}>{act}</span>])}
      </div>
      <p class="t3 sm">They rest while you type.</p>
      <div class="acts2">
        <Button text={on ? 'Turn single keys off' : 'Turn single keys on'} tone="ghost" onClick={() => prefs.setKeys(!on)} />
        <Button text="Close" tone="p" onClick={onClose} />
      </div>
    </Dialog>
  );
}
