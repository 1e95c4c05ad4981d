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
  stacked: boolean;
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

/** The row whose value at a label is nearest to a height; -1 when none has one. Stacked parts are hit where they are drawn. */
export function nearest(drawing: Drawing, label: number, height: number): number {
  if (!drawing.stacked) {
    const distances = drawing.rows.map((row) => Math.abs((row.values[label] ?? Infinity) - height));
    const least = Math.min(Infinity, ...distances);
    return least === Infinity ? -1 : distances.indexOf(least);
  }
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
