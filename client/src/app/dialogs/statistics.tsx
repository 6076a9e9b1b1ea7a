/** Figures of the call, in words first. */
import { useEffect, useState } from 'preact/hooks';
import type { StatsRow } from '../engine';
import type { CallModel } from '../model/call';
import { qualityWords } from '../text/words';
import { Dialog } from '../ui/dialog';

export function StatisticsDialog({ model, onClose }: { model: CallModel; onClose: () => void }) {
  const [rows, setRows] = useState<readonly StatsRow[]>([]);
  useEffect(() => {
    const read = () => void model.call.stats().then(setRows);
    read();
    const timer = setInterval(read, 2000);
    return () => clearInterval(timer);
  }, []);
  const { quality, codec } = model.snapshot.value;
  return (
    <Dialog title="Statistics" onClose={onClose}>
      <p>{qualityWords(quality)}{codec === null ? '' : `. Pictures travel as ${codec.toUpperCase()}.`}</p>
      <dl class="stats">
        {rows.map((row) => [<dt key={row.label}>{row.label}</dt>, <dd key={`${row.label} value`}>{row.value}</dd>])}
      </dl>
    </Dialog>
  );
}
