/** "You are the first one here", with the link to send. */
import { useState } from 'preact/hooks';
import type { CallModel } from '../model/call';
import { Button } from '../ui/controls';

export function Alone({ model }: { model: CallModel }) {
  const { participants, status } = model.snapshot.value;
  if (status !== 'joined' || participants.length !== 1) return null;
  return (
    <div class="alone">
      <p>You are the first one here. Send the link to let others in.</p>
      <CopyLink model={model} />
    </div>
  );
}

export function CopyLink({ model, wide = false }: { model: CallModel; wide?: boolean }) {
  const [copied, setCopied] = useState(false);
  const copy = () => {
    const { inviteLink } = model.snapshot.value;
    if (inviteLink === null) return;
    void navigator.clipboard.writeText(inviteLink).then(() => {
      setCopied(true);
      setTimeout(() => setCopied(false), 3000);
    });
  };
  return <Button text={copied ? 'The link is copied' : 'Copy the link'} icon={copied ? 'check' : 'copy'} tone="p" wide={wide} onClick={copy} />;
}
