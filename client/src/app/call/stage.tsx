/** The stage: measures itself, asks the layout where tiles go, and the server for what can be seen. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { TileSeed, StagePlan } from '../layout/stage';
import { nearestCorner, planStage } from '../layout/stage';
import { sameWants, viewWants } from '../layout/wants';
import type { ViewWant } from '../engine';
import type { CallModel } from '../model/call';
import { ToastList } from '../ui/toasts';
import { Alone } from './alone';
import { Banner } from './banner';
import { Tile } from './tile';

export function Stage({ model }: { model: CallModel }) {
  const ref = useRef<HTMLElement>(null);
  const size = useSize(ref, model);
  const cols = useRef<number | null>(null);
  const tiles = model.tiles.value;
  const plan = planStage({
    tiles,
    width: size.w,
    height: size.h,
    mode: model.effectiveMode.value,
    large: model.large.value,
    corner: model.corner.value,
    page: model.page.value,
    capacity: model.capacity.value,
    previousCols: cols.current,
  });
  cols.current = plan.cols;
  useWants(model, tiles, plan);
  const shown = tiles.filter((tile) => plan.boxes.has(tile.key));
  return (
    <main id="main" class="stage" ref={ref} tabIndex={-1} aria-label="People in the call" onKeyDown={(event) => walk(event, ref.current)} {...drag(model, plan, ref)}>
      <Banner model={model} />
      {shown.map((seed, i) => {
        const box = plan.boxes.get(seed.key);
        return box === undefined ? null : <Tile key={seed.key} model={model} seed={seed} box={box} floats={plan.floating === seed.key} tabbable={i === 0} />;
      })}
      {plan.pages > 1 ? <Pager pages={plan.pages} page={plan.page} onPage={(page) => (model.page.value = page)} /> : null}
      <Alone model={model} />
      <ToastList toasts={model.parts.toasts} />
    </main>
  );
}

function Pager({ pages, page, onPage }: { pages: number; page: number; onPage: (page: number) => void }) {
  return (
    <nav class="pager" aria-label="Pages of people">
      {Array.from({ length: pages }, (_, i) => (
        <button key={i} type="button" aria-label={`Page ${i + 1} of ${pages}`} aria-current={i === page ? 'page' : undefined} onClick={() => onPage(i)}><i /></button>
      ))}
    </nav>
  );
}

function useSize(ref: { current: HTMLElement | null }, model: CallModel): { w: number; h: number } {
  const [size, setSize] = useState({ w: 0, h: 0 });
  useEffect(() => {
    const stage = ref.current;
    if (stage === null) return undefined;
    const measure = () => {
      model.resized(innerWidth, innerHeight);
      setSize({ w: stage.clientWidth, h: stage.clientHeight });
    };
    const observer = new ResizeObserver(measure);
    observer.observe(stage);
    measure();
    return () => observer.disconnect();
  }, []);
  return size;
}

/** Says what can be seen, when it changes; more people than seats get more seats. */
function useWants(model: CallModel, tiles: readonly TileSeed[], plan: StagePlan): void {
  const last = useRef<readonly ViewWant[] | null>(null);
  useEffect(() => {
    const wants = viewWants({ tiles, plan, pinned: model.pinned.value, pixelRatio: Math.min(devicePixelRatio, 2) });
    if (last.current !== null && sameWants(last.current, wants)) return;
    last.current = wants;
    model.call.setView(wants);
  });
}

/** Tiles are one stop of Tab; arrows move between them. */
function walk(event: KeyboardEvent, stage: HTMLElement | null): void {
  if (stage === null || event.shiftKey) return;
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const all = Array.from(stage.querySelectorAll<HTMLElement>(':scope > .tile'));
  const at = all.indexOf(event.target as HTMLElement);
  if (at < 0) return;
  if (event.key === 'Enter') all[at]?.querySelector<HTMLElement>('.acts button')?.click();
  if (step === undefined) return;
  all[(at + step + all.length) % all.length]?.focus();
  event.preventDefault();
}

/** The floating self-view follows the pointer and goes to the nearest corner. */
function drag(model: CallModel, plan: StagePlan, ref: { current: HTMLElement | null }) {
  if (plan.floating === null) return {};
  return {
    onPointerDown: (event: PointerEvent) => {
      const tile = (event.target as HTMLElement).closest<HTMLElement>('.tile.self');
      const stage = ref.current;
      if (tile === null || stage === null || event.button !== 0) return;
      const bounds = stage.getBoundingClientRect();
      const box = tile.getBoundingClientRect();
      const grip = { x: event.clientX - box.left, y: event.clientY - box.top };
      tile.classList.add('drag');
      tile.setPointerCapture(event.pointerId);
      tile.onpointermove = (move) => {
        tile.style.setProperty('left', `${move.clientX - grip.x - bounds.left}px`);
        tile.style.setProperty('top', `${move.clientY - grip.y - bounds.top}px`);
      };
      tile.onpointerup = tile.onpointercancel = () => {
        tile.onpointermove = tile.onpointerup = tile.onpointercancel = null;
        tile.classList.remove('drag');
        const end = tile.getBoundingClientRect();
        const corner = nearestCorner(end.left + end.width / 2 - bounds.left, end.top + end.height / 2 - bounds.top, bounds.width, bounds.height);
        const home = plan.boxes.get(plan.floating ?? '/camera');
        if (corner === model.corner.value && home !== undefined) {
          tile.style.setProperty('left', `${home.x}px`);
          tile.style.setProperty('top', `${home.y}px`);
        }
        model.corner.value = corner;
      };
    },
  };
}
