/**
 * What the page asks the server to send: one line for each tile that can be seen. Pure.
 *
 * Screens come before cameras, pinned and large ones before the rest, then the order of the page. Sizes
 * are device pixels. Nothing is asked for a hidden tile, nor for what this device sends itself.
 */
import type { ViewWant } from '../engine';
import type { Box } from './grid';
import type { StagePlan, TileKey, TileSeed } from './stage';

export interface WantsProblem {
  readonly tiles: readonly TileSeed[];
  readonly plan: StagePlan;
  readonly pinned: TileKey | null;
  readonly pixelRatio: number;
}

export function viewWants({ tiles, plan, pinned, pixelRatio }: WantsProblem): ViewWant[] {
  const rank = (tile: TileSeed): number =>
    (tile.shows === 'screen' ? 0 : 4) + (tile.key === pinned ? 0 : 2) + (tile.key === plan.large ? 0 : 1);
  return tiles
    .flatMap((tile) => {
      const box = plan.boxes.get(tile.key);
      return box === undefined || tile.isSelf ? [] : [{ tile, box }];
    })
    .sort((a, b) => rank(a.tile) - rank(b.tile)) // stable: equal ranks keep the order of the page
    .map(({ tile, box }) => want(tile, box, tile.key === pinned, pixelRatio));
}

function want(tile: TileSeed, box: Box, pinned: boolean, pixelRatio: number): ViewWant {
  const size = { width: Math.round(box.w * pixelRatio), height: Math.round(box.h * pixelRatio) };
  return { pid: tile.pid, source: tile.shows, ...size, ...(pinned ? { pinned } : {}) };
}

/** Whether two lists ask for the same, so that an unchanged one is not sent again. */
export function sameWants(a: readonly ViewWant[], b: readonly ViewWant[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
