/**
 * Where each tile of a call goes. Pure: people and sizes in, boxes out.
 *
 * A tile's key is its participant and what it shows; keys without a box are hidden (and are then not
 * asked for). Lengths are CSS pixels of the stage.
 */
import { gapFor, solveGrid, type Box } from './grid';

export type TileKey = `${string}/${'camera' | 'screen'}`;
export type ViewMode = 'grid' | 'speaker';
/** 0 top left, 1 top right, 2 bottom left, 3 bottom right. */
export type Corner = 0 | 1 | 2 | 3;

export interface TileSeed {
  readonly key: TileKey;
  readonly pid: string;
  readonly isSelf: boolean;
  readonly shows: 'camera' | 'screen';
}

export interface StageProblem {
  /** Already in the order to show, hidden ones left out. */
  readonly tiles: readonly TileSeed[];
  readonly width: number;
  readonly height: number;
  readonly mode: ViewMode;
  /** The tile to make large in speaker view. */
  readonly large: TileKey | null;
  readonly corner: Corner;
  readonly page: number;
  readonly capacity: number;
  readonly previousCols: number | null;
}

export interface StagePlan {
  readonly boxes: ReadonlyMap<TileKey, Box>;
  /** The self-view that floats above the other person, if it does. */
  readonly floating: TileKey | null;
  readonly large: TileKey | null;
  readonly cols: number | null;
  readonly pages: number;
  readonly page: number;
}

const PAGER_PX = 28; // the dots are 44 high; the rest of them lies in the margin below the stage
const FLOAT_MARGIN_PX = 14;
const STRIP_MAX_PX = 260;
const STRIP_TILE_MIN_PX = 92; // lower: more faces in the strip, too small to know; higher: fewer faces

export function planStage(problem: StageProblem): StagePlan {
  const { tiles, width, height } = problem;
  if (tiles.length === 0 || width <= 0 || height <= 0) return emptyPlan();
  const duo = asDuo(tiles);
  if (duo !== null) return planDuo(duo.other, duo.self, problem);
  const large = tiles.find((tile) => tile.key === problem.large);
  if (problem.mode === 'speaker' && large !== undefined && tiles.length > 1) return planSpeaker(large, problem);
  return planGrid(problem);
}

function emptyPlan(): StagePlan {
  return { boxes: new Map(), floating: null, large: null, cols: null, pages: 1, page: 0 };
}

function asDuo(tiles: readonly TileSeed[]): { other: TileSeed; self: TileSeed } | null {
  if (tiles.length !== 2 || tiles.some((tile) => tile.shows === 'screen')) return null;
  const self = tiles.find((tile) => tile.isSelf);
  const other = tiles.find((tile) => !tile.isSelf);
  return self && other ? { self, other } : null;
}

function planDuo(other: TileSeed, self: TileSeed, { width, height, corner }: StageProblem): StagePlan {
  const boxes = new Map<TileKey, Box>([
    [other.key, { x: 0, y: 0, w: width, h: height }],
    [self.key, floatBox(width, height, corner)],
  ]);
  return { boxes, floating: self.key, large: other.key, cols: null, pages: 1, page: 0 };
}

/** The floating self-view's box in one of the four corners. */
export function floatBox(width: number, height: number, corner: Corner): Box {
  const w = width < 640 ? 104 : Math.max(220, Math.min(300, width * 0.2));
  const h = width < 640 ? 150 : w * 0.66;
  const x = corner % 2 === 0 ? FLOAT_MARGIN_PX : width - w - FLOAT_MARGIN_PX;
  const y = corner < 2 ? FLOAT_MARGIN_PX : height - h - FLOAT_MARGIN_PX;
  return { x, y, w, h };
}

/** The corner nearest to a point, for letting the self-view go after a drag. */
export function nearestCorner(x: number, y: number, width: number, height: number): Corner {
  const right = x > width / 2 ? 1 : 0;
  const low = y > height / 2 ? 2 : 0;
  return (right + low) as Corner; // 0..3 by construction
}

function planGrid({ tiles, width, height, capacity, page, previousCols }: StageProblem): StagePlan {
  const pages = Math.ceil(tiles.length / capacity);
  const current = Math.min(Math.max(page, 0), pages - 1);
  const shown = tiles.slice(current * capacity, (current + 1) * capacity);
  // A last page of one would be one huge tile among small ones: cells keep the size of a full page.
  const count = pages > 1 ? capacity : shown.length;
  const room = { width, height: height - (pages > 1 ? PAGER_PX : 0), gap: gapFor(width), previousCols };
  const solved = solveGrid({ count, ...room });
  const boxes = new Map<TileKey, Box>();
  shown.forEach((tile, index) => {
    const box = solved.boxes[index];
    if (box !== undefined) boxes.set(tile.key, box);
  });
  return { boxes, floating: null, large: null, cols: solved.cols, pages, page: current };
}

function planSpeaker(large: TileSeed, problem: StageProblem): StagePlan {
  const others = problem.tiles.filter((tile) => tile.key !== large.key);
  const boxes = problem.width > problem.height ? besideLarge(others, problem) : belowLarge(others, problem);
  const plan = new Map<TileKey, Box>([[large.key, boxes.large]]);
  others.forEach((tile, index) => {
    const box = boxes.strip[index];
    if (box !== undefined) plan.set(tile.key, box);
  });
  return { boxes: plan, floating: null, large: large.key, cols: null, pages: 1, page: 0 };
}

interface SpeakerBoxes {
  readonly large: Box;
  readonly strip: readonly Box[];
}

function besideLarge(others: readonly TileSeed[], { width, height }: StageProblem): SpeakerBoxes {
  const gap = gapFor(width);
  const w = Math.min(STRIP_MAX_PX, width * 0.2);
  const most = Math.max(1, Math.floor((height + gap) / (Math.min(STRIP_TILE_MIN_PX, w * 0.625) + gap)));
  const count = Math.min(others.length, most);
  const h = Math.min(w * 0.625, (height - gap * (count - 1)) / count);
  const top = (height - count * h - (count - 1) * gap) / 2;
  return {
    large: { x: 0, y: 0, w: width - w - gap, h: height },
    strip: Array.from({ length: count }, (_, i) => ({ x: width - w, y: top + i * (h + gap), w, h })),
  };
}

function belowLarge(others: readonly TileSeed[], { width, height }: StageProblem): SpeakerBoxes {
  const gap = gapFor(width);
  const largeHeight = Math.min(width * 0.5625 + 8, height * 0.6);
  const room = { width, height: height - largeHeight - gap, gap, portrait: true };
  let count = others.length;
  let solved = solveGrid({ count, ...room });
  while (count > 1 && (solved.boxes[0]?.h ?? 0) < STRIP_TILE_MIN_PX) {
    count -= 1;
    solved = solveGrid({ count, ...room });
  }
  return {
    large: { x: 0, y: 0, w: width, h: largeHeight },
    strip: solved.boxes.map((box) => ({ ...box, y: box.y + largeHeight + gap })),
  };
}
