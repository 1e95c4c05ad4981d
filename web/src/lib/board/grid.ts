// Where the tiles of a dashboard lie: twelve columns, no two over each other, each as far up as what is above it allows.

export type Place = { id: string; x: number; y: number; w: number; h: number };

export const columns = 12;
export const mostRows = 24;
/** Sizes in px. */
export const rowHeight = 48;
export const gap = 12;

/** The least size at which a tile still says something. */
export const least = { w: 2, h: 2 };

/** Lets every tile rise. The one that is held goes where it is wanted, and others make room for it. */
export function arrange<T extends Place>(tiles: T[], held?: T): T[] {
  const others = tiles.filter((t) => t.id !== held?.id).sort((a, b) => a.y - b.y || a.x - b.x);
  if (held) {
    // It goes before the first of those in its way whose middle it has not passed.
    const at = others.findIndex((t) => t.x < held.x + held.w && held.x < t.x + t.w && held.y < t.y + t.h / 2);
    others.splice(at < 0 ? others.length : at, 0, held);
  }
  const heights = new Array<number>(columns).fill(0);
  return others.map((t) => {
    const under = heights.slice(t.x, t.x + t.w);
    const y = Math.max(0, ...under);
    heights.fill(y + t.h, t.x, t.x + t.w);
    return { ...t, y };
  });
}

/** A place within the grid that is as near as can be to the one that is wanted. */
export function within<T extends Place>(tile: T): T {
  const w = clamp(tile.w, least.w, columns);
  const h = clamp(tile.h, least.h, mostRows);
  return { ...tile, w, h, x: clamp(tile.x, 0, columns - w), y: Math.max(0, tile.y) };
}

const clamp = (n: number, low: number, high: number) => Math.min(Math.max(Math.round(n), low), high);

/** Moves a tile by a step of the keyboard; up and down go on until something is different, or there is no way. */
export function step<T extends Place>(tiles: T[], id: string, dx: number, dy: number): T[] {
  const tile = tiles.find((t) => t.id === id);
  if (!tile) return tiles;
  const before = arrange(tiles);
  for (let far = 1; far <= mostRows; far++) {
    const moved = arrange(tiles, within({ ...tile, x: tile.x + dx, y: tile.y + dy * far }));
    if (dy === 0 || !same(before, moved)) return moved;
  }
  return before;
}

/** Moves a tile before the one that is read before it, which in one column is up; further up where there is no such place. */
export function earlier<T extends Place>(tiles: T[], id: string): T[] {
  const now = arrange(tiles);
  const order = reading(now);
  const at = order.findIndex((t) => t.id === id);
  const [other, tile] = [order[at - 1], order[at]];
  if (!other || !tile) return now;
  const sides = [{ ...tile, x: other.x }, { ...other, x: other.x + tile.w }];
  const ways = [
    // Beside each other they change sides.
    ...(tile.y === other.y ? [arrange(now.map((t) => sides.find((s) => s.id === t.id) ?? t))] : []),
    arrange(now, { ...tile, y: other.y }),
    arrange(now, within({ ...tile, x: other.x, y: other.y })),
    // Nothing is read before the upper left.
    arrange(now, { ...tile, x: 0, y: 0 }),
  ];
  const place = (way: T[]) => reading(way).findIndex((t) => t.id === id);
  return ways.find((way) => place(way) === at - 1) ?? ways.find((way) => place(way) < at)!;
}

/** Moves a tile behind the one that is read after it. */
export function later<T extends Place>(tiles: T[], id: string): T[] {
  const order = reading(arrange(tiles));
  const next = order[order.findIndex((t) => t.id === id) + 1];
  return next ? earlier(tiles, next.id) : arrange(tiles);
}

/** Gives a tile another size. */
export function resize<T extends Place>(tiles: T[], id: string, w: number, h: number): T[] {
  const tile = tiles.find((t) => t.id === id);
  if (!tile) return tiles;
  return arrange(tiles, within({ ...tile, w: Math.min(w, columns - tile.x), h }));
}

/** Adds a tile below all others. */
export function append<T extends Place>(tiles: T[], tile: T): T[] {
  return arrange([...tiles, { ...tile, y: bottom(tiles) }]);
}

/** The size that a new tile gets: a funnel has words below its bars. */
export const sizeFor = (kind: string): { w: number; h: number } => ({ w: 6, h: kind === 'funnel' ? 8 : 6 });

/** How many rows there are. */
export const bottom = (tiles: Place[]): number => Math.max(0, ...tiles.map((t) => t.y + t.h));

/** In the order in which they are read. */
export const reading = <T extends Place>(tiles: T[]): T[] => [...tiles].sort((a, b) => a.y - b.y || a.x - b.x);

function same(a: Place[], b: Place[]): boolean {
  return a.every((t) => b.some((o) => o.id === t.id && o.x === t.x && o.y === t.y && o.w === t.w && o.h === t.h));
}

/** An id that none of the tiles has. */
export function newID(tiles: Place[]): string {
  for (let n = tiles.length + 1; ; n++) if (!tiles.some((t) => t.id === `t${n}`)) return `t${n}`;
}
