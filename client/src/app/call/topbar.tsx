/** Above the stage: where we are, how long, how sealed; then quality, view, full screen. */
import type { CallModel } from '../model/call';
import { clock, roomTitle } from '../text/clean';
import { badgeWords, qualityWords } from '../text/words';
import { Square } from '../ui/controls';
import { Icon } from '../ui/icon';

interface TopBarProps {
  readonly model: CallModel;
  readonly onServer: () => void;
  readonly onStatistics: () => void;
}

export function TopBar({ model, onServer, onStatistics }: TopBarProps) {
  const { room, seal, joinedAt, quality } = model.snapshot.value;
  const badge = badgeWords(seal.state, seal.keys);
  const view = model.effectiveMode.value;
  return (
    <header class="top">
      <span class="brand"><Icon name="mark" /></span>
      <h1 class="room" tabIndex={-1}>
        {roomTitle(room)}
        <small class="num">{joinedAt === null ? '' : clock(model.clockMs.value - joinedAt)}</small>
      </h1>
      <button type="button" class="badge" data-testid="e2ee-badge" data-state={seal.state} aria-label={`${badge.text}. What the server can see`} title="What the server can see (E)" onClick={onServer}>
        <Icon name={badge.icon} size="s" />
        <span class="lbl">{badge.text}</span>
      </button>
      <div class="sp" />
      <Square label={`${qualityWords(quality)} (Q)`} icon={quality === 'poor' || quality === 'fair' ? 'sig1' : 'sig3'} cls="deskonly" onClick={onStatistics} />
      <Square label={`Switch view: ${view} (V)`} icon={view === 'grid' ? 'grid' : 'focus'} onClick={() => model.toggleView()} />
      <Square label="Full screen (F)" icon="full" cls="deskonly" onClick={toggleFullScreen} />
    </header>
  );
}

export function toggleFullScreen(): void {
  if (document.fullscreenElement === null) void document.documentElement.requestFullscreen().catch(() => undefined);
  else void document.exitFullscreen();
}
