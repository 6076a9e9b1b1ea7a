/**
 * The grid of tiles: the largest cells that fit, aspect bounded, last row centred. Pure.
 *
 * Lengths are CSS pixels. UI.md section 3 has the table that `test/app/grid.test.ts` holds it to.
 */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

export interface GridProblem {
  readonly count: number;
  readonly width: number;
  readonly height: number;
  readonly gap: number;
  /** Bounds for a stage higher than wide; by default what the size says. */
  readonly portrait?: boolean;
  /** Columns on the screen now: kept unless another count is clearly better. */
  readonly previousCols?: number | null;
}

export interface GridSolution {
  readonly cols: number;
  readonly rows: number;
  readonly boxes: readonly Box[];
}

const WIDE_ASPECT = [1.15, 1.85] as const;
const HIGH_ASPECT = [0.56, 1.5] as const;
const EMPTY_CELL_COST = 0.04; // lower: ragged last rows; higher: small tiles to avoid a ragged row
const GAIN_TO_CHANGE = 1.08; // lower: a resize flickers between column counts; higher: slow to adapt

interface Candidate {
  readonly score: number;
  readonly cols: number;
  readonly rows: number;
  readonly w: number;
  readonly h: number;
}

export function solveGrid(problem: GridProblem): GridSolution {
  const candidates = allCandidates(problem);
  const best = candidates.reduce<Candidate | null>((top, one) => (top === null || one.score > top.score ? one : top), null);
  if (best === null) return { cols: 0, rows: 0, boxes: [] };
  const kept = candidates.find((one) => one.cols === problem.previousCols);
  const chosen = kept !== undefined && best.score < kept.score * GAIN_TO_CHANGE ? kept : best;
  return { cols: chosen.cols, rows: chosen.rows, boxes: spread(problem, chosen) };
}

function allCandidates({ count, width, height, gap, portrait = height > width }: GridProblem): Candidate[] {
  const [lowest, highest] = portrait ? HIGH_ASPECT : WIDE_ASPECT;
  const found: Candidate[] = [];
  for (let cols = 1; cols <= count; cols++) {
    const rows = Math.ceil(count / cols);
    let w = (width - gap * (cols - 1)) / cols;
    let h = (height - gap * (rows - 1)) / rows;
    if (w <= 0 || h <= 0) continue;
    if (w / h > highest) w = h * highest;
    if (w / h < lowest) h = w / lowest;
    found.push({ score: w * h * (1 - EMPTY_CELL_COST * (rows * cols - count)), cols, rows, w, h });
  }
  return found;
}

function spread({ count, width, height, gap }: GridProblem, { cols, rows, w, h }: Candidate): Box[] {
  const top = (height - rows * h - (rows - 1) * gap) / 2;
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / cols);
    const inRow = row === rows - 1 ? count - row * cols : cols;
    const left = (width - inRow * w - (inRow - 1) * gap) / 2;
    return { x: left + (index % cols) * (w + gap), y: top + row * (h + gap), w, h };
  });
}

/** Gap between tiles for a stage this wide. */
export function gapFor(width: number): number {
  return width < 640 ? 6 : 10;
}

/** How many tiles a page holds, by the size of the window (not of the stage: a panel does not repaginate). */
export function pageCapacity(windowWidth: number, windowHeight: number): number {
  if (windowHeight < 480) return 9;
  if (windowWidth < 640) return 8;
  return windowWidth < 1100 ? 16 : 25;
}
