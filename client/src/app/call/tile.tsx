/** One tile: a picture or initials, who it is, and what is to be said of it. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Participant, VideoState } from '../engine';
import type { Box } from '../layout/grid';
import type { TileSeed } from '../layout/stage';
import type { CallModel } from '../model/call';
import { groundOf, initials } from '../text/clean';
import { hears, personName, screenTitle, shieldWords, tileLabel } from '../text/words';
import { Button } from '../ui/controls';
import { Icon } from '../ui/icon';
import { Video } from '../ui/video';

const TINY_PX = 190;
const MICRO_PX = 120;
const SHIMMER_AFTER_MS = 1000;

interface TileProps {
  readonly model: CallModel;
  readonly seed: TileSeed;
  readonly box: Box;
  readonly floats: boolean;
  readonly tabbable: boolean;
}

export function Tile(props: TileProps) {
  const { model, seed } = props;
  const person = model.person(seed.pid);
  if (person === undefined) return null;
  return seed.shows === 'screen' ? <ScreenTile {...props} person={person} /> : <PersonTile {...props} person={person} />;
}

type Known = TileProps & { readonly person: Participant };

function PersonTile({ model, seed, box, floats, tabbable, person }: Known) {
  const { camera, voice } = person;
  const shown = camera.stream !== null && (camera.state === 'live' || camera.state === 'paused');
  const ground = `h${groundOf(person.pid)}`;
  const pinned = model.pinned.value === seed.key;
  const speaks = voice.speaking && !voice.muted;
  const waits = useWaits(camera.state);
  const ref = usePlaced(box);
  const cls = ['tile', size(box)];
  if (!shown) cls.push('off', ground);
  if (waits !== null) cls.push('waits', waits);
  if (speaks) cls.push('speaks');
  if (camera.state === 'withheld') cls.push('held');
  if (floats) cls.push('self');
  return (
    <div
      ref={ref}
      class={cls.join(' ')}
      role="group"
      tabIndex={tabbable ? 0 : -1}
      aria-label={tileLabel(person, pinned)}
      data-testid="tile"
      data-participant={person.pid}
      data-name={person.name}
      data-state={camera.state}
      onKeyDown={(event) => floats && nudge(event, model)}
    >
      {camera.state === 'withheld' ? (
        <Withheld name={personName(person)} />
      ) : shown && camera.stream !== null ? (
        <Video stream={camera.stream} mirrored={person.isSelf} testid="tile-video" />
      ) : (
        <div class={`mono ${ground}`} aria-hidden="true">{initials(person.name)}</div>
      )}
      <Cause model={model} person={person} />
      {person.isSelf && floats ? null : <Actions model={model} seed={seed} person={person} pinned={pinned} />}
      <div class="tag">
        {speaks ? <Bars /> : hears(person) ? null : <Icon name="mic-off" size="xs" />}
        <span dir="auto">{size(box) === 'tiny micro' ? initials(person.name) : personName(person)}</span>
        {person.isSelf ? null : <Shield person={person} />}
      </div>
    </div>
  );
}

function ScreenTile({ model, seed, box, tabbable, person }: Known) {
  const ref = usePlaced(box);
  const pinned = model.pinned.value === seed.key;
  const { stream } = person.screen;
  if (person.isSelf) {
    return (
      <div ref={ref} class="tile quiet" role="group" tabIndex={tabbable ? 0 : -1} aria-label="You are sharing your screen" data-testid="screen-tile">
        <p>You are sharing your screen</p>
        <Button text="Stop" icon="screen" onClick={() => model.toggleScreen()} />
      </div>
    );
  }
  return (
    <div ref={ref} class={`tile scr ${size(box)}`} role="group" tabIndex={tabbable ? 0 : -1} aria-label={screenTitle(person)} data-testid="screen-tile" data-participant={person.pid}>
      {stream === null ? null : <Video stream={stream} testid="screen-video" />}
      <Actions model={model} seed={seed} person={person} pinned={pinned} />
      <div class="tag"><Icon name="screen" size="xs" /><span dir="auto">{screenTitle(person)}</span><Shield person={person} /></div>
    </div>
  );
}

function Withheld({ name }: { name: string }) {
  return (
    <>
      <Icon name="shield-alert" tone="alarm" />
      <h3>Picture withheld</h3>
      <p>What arrived was not sealed by {name}.</p>
    </>
  );
}

function Shield({ person }: { person: Participant }) {
  const words = shieldWords(person.shield, person.keyed);
  return <Icon name={words.icon} size="xs" tone={words.tone} />;
}

function Bars() {
  return <span class="bars" aria-hidden="true"><i /><i /><i /></span>;
}

function Cause({ model, person }: { model: CallModel; person: Participant }) {
  const words = causeWords(model, person);
  if (words === null) return null;
  return <div class="cause" role="note" aria-label={words}><Icon name="sig1" size="xs" /><span>{words}</span></div>;
}

function causeWords(model: CallModel, person: Participant): string | null {
  if (person.isSelf) return model.weak.value.has(person.pid) ? 'Your network is weak' : null;
  if (model.outside.value.has(person.pid)) return 'Not in your sealed call right now. You cannot hear each other.';
  if (person.camera.state === 'paused') return 'Paused to keep the sound good';
  return model.weak.value.has(person.pid) ? 'The network between you is weak' : null;
}

function Actions({ model, seed, person, pinned }: { model: CallModel; seed: TileSeed; person: Participant; pinned: boolean }) {
  if (model.tiles.value.length < 3 && !pinned) return null;
  const label = `${pinned ? 'Unpin' : 'Pin'} ${personName(person)}`;
  return (
    <div class="acts">
      <button type="button" tabIndex={-1} aria-label={label} title={label} aria-pressed={pinned} onClick={() => model.togglePin(seed.key)}>
        <Icon name="pin" size="s" />
      </button>
    </div>
  );
}

function size(box: Box): string {
  if (box.w < MICRO_PX) return 'tiny micro';
  return box.w < TINY_PX ? 'tiny' : '';
}

/** Places the element by CSSOM: the page's policy allows no style attributes. */
function usePlaced(box: Box) {
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const style = ref.current?.style;
    if (style === undefined) return;
    const sides: readonly [string, number][] = [['left', box.x], ['top', box.y], ['width', box.w], ['height', box.h]];
    for (const [side, px] of sides) style.setProperty(side, `${Math.round(px * 10) / 10}px`);
  }, [box.x, box.y, box.w, box.h]);
  return ref;
}

/** '' while the first picture is awaited, 'long' after a second, null otherwise. */
function useWaits(state: VideoState): '' | 'long' | null {
  const [long, setLong] = useState(false);
  useEffect(() => {
    setLong(false);
    if (state !== 'waiting') return undefined;
    const timer = setTimeout(() => setLong(true), SHIMMER_AFTER_MS);
    return () => clearTimeout(timer);
  }, [state]);
  if (state !== 'waiting') return null;
  return long ? 'long' : '';
}

/** Shift and arrows move the self-view from corner to corner. */
function nudge(event: KeyboardEvent, model: CallModel): void {
  if (!event.shiftKey || !event.key.startsWith('Arrow')) return;
  const corner = model.corner.value;
  const moved = { ArrowLeft: corner & 2, ArrowRight: (corner & 2) | 1, ArrowUp: corner & 1, ArrowDown: (corner & 1) | 2 }[event.key];
  if (moved !== undefined) model.corner.value = moved as typeof corner;
  event.preventDefault();
  event.stopPropagation();
}
