// What a chart shows: lines or bars over labels. Which answer it comes from is for explore/picture.ts to know.
import type { Unit } from './table';

export type Values = (number | null)[];

export type Row = { name: string; values: Values; total: number | null; before?: { values: Values; total: number | null }; colour?: number };

export type Drawing = {
  rows: Row[];
  labels: string[];
  /** What is not over yet, label by label. */
  partial: boolean[];
  kind: 'line' | 'bar' | 'area';
  /** Bars only: each begins where the one below it ends. */
  stacked: boolean;
  /** What is below the line is drawn there to set it apart, not because it is negative. */
  sided?: boolean;
  unit: Unit;
};

/**
 * Splits a line into what is complete and what is not: the second part holds the partial values and their complete
 * neighbours, so that the two lines meet.
 */
export function splitPartial(values: Values, partial: boolean[]): { whole: Values; partial: Values } {
  const is = (i: number) => partial[i] === true;
  return {
    whole: values.map((value, i) => (is(i) ? null : value)),
    partial: values.map((value, i) => (is(i) || is(i - 1) || is(i + 1) ? value : null)),
  };
}

/** One sentence about a line, for those who do not see the chart. */
export function summary(row: Row, write: (value: number | null) => string): string {
  const known = row.values.filter((v): v is number => v !== null);
  if (known.length === 0) return `${row.name}: no values`;
  const [low, high] = known.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
  const total = row.total === null ? '' : `total ${write(row.total)}, `;
  return `${row.name}: ${total}between ${write(low)} and ${write(high)}`;
}

/** A point of a drawing: of a row, or of what the row was before. */
export type Point = { row: number; before: boolean };

/**
 * The point at a label that is nearest to a height, of those that may be chosen; undefined when there is none. Stacked parts are
 * hit where they are drawn.
 */
export function nearest(drawing: Drawing, label: number, height: number, may: (point: Point) => boolean = () => true): Point | undefined {
  if (drawing.stacked) {
    const row = partAt(drawing, label, height);
    return row >= 0 && may({ row, before: false }) ? { row, before: false } : undefined;
  }
  const points = drawing.rows.flatMap((row, i) => [
    { row: i, before: false, value: row.values[label] ?? null },
    { row: i, before: true, value: row.before?.values[label] ?? null },
  ]);
  let [found, least]: [Point | undefined, number] = [undefined, Infinity];
  for (const { value, ...point } of points) {
    if (value === null || Math.abs(value - height) >= least || !may(point)) continue;
    [found, least] = [point, Math.abs(value - height)];
  }
  return found;
}

/** The row whose part of a stack is at a height; -1 when none is. */
function partAt(drawing: Drawing, label: number, height: number): number {
  const ends = { above: 0, below: 0 };
  let last = -1;
  for (const [i, row] of drawing.rows.entries()) {
    const value = row.values[label] ?? 0;
    if (value === 0 || value < 0 !== height < 0) continue;
    last = i;
    const side = value < 0 ? 'below' : 'above';
    ends[side] += Math.abs(value);
    if (Math.abs(height) <= ends[side]) return i;
  }
  return last;
}
