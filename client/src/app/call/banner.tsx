/** One line above the faces: the network is away, or the browser holds the sound back. */
import { AWAY_MS, type CallModel } from '../model/call';
import { Button } from '../ui/controls';
import { Icon } from '../ui/icon';

export function Banner({ model }: { model: CallModel }) {
  const { reconnect, soundBlocked } = model.snapshot.value;
  if (reconnect !== null) {
    const away = model.clockMs.value - reconnect.sinceMs > AWAY_MS;
    return away ? (
      <Line spin strong="The server does not answer." text="We keep trying until you leave." action="Leave" onAction={() => void model.call.leave()} />
    ) : (
      <Line spin strong="Your network dropped." text={`Coming back, try ${reconnect.attempt}. Your microphone stays as it was.`} action="Try now" onAction={() => model.call.retryNow()} />
    );
  }
  if (soundBlocked) {
    return <Line strong="The browser holds the sound back." text="" action="Turn on sound" onAction={() => void model.call.resumeSound()} />;
  }
  return null;
}

interface LineProps {
  readonly spin?: boolean;
  readonly strong: string;
  readonly text: string;
  readonly action: string;
  readonly onAction: () => void;
}

function Line({ spin = false, strong, text, action, onAction }: LineProps) {
  return (
    <div class="banner" role="status" data-testid="banner">
      {spin ? <span class="spin" aria-hidden="true" /> : <Icon name="warn" />}
      <span><b>{strong}</b> {text}</span>
      <span class="sp" />
      <Button text={action} onClick={onAction} />
    </div>
  );
}
