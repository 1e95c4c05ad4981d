// What a chart and a table show of an answer.
import { breakdownName, type Formats } from './format';
import type { Answer, Bucket, Series, Values } from './types';

export type Row = { name: string; values: Values; total: number | null; before?: { values: Values; total: number | null } };

/** The series of an answer, each with the name that the breakdown gives it. */
export function rows(answer: Answer, property: string, formats: Formats): Row[] {
  return answer.series.map((series) => ({
    name: seriesName(series, property, formats.locale),
    values: series.values,
    total: series.total,
    before: series.compare,
  }));
}

function seriesName(series: Series, property: string, locale?: string): string {
  if (!series.breakdown || series.breakdown.length === 0) return series.label || 'All events';
  return series.breakdown.map((value) => breakdownName(value, property, locale)).join(' · ');
}

/**
 * Splits a line into what is complete and what is not: the second part holds the partial buckets and their complete
 * neighbours, so that the two lines meet.
 */
export function splitPartial(values: Values, buckets: Bucket[]): { whole: Values; partial: Values } {
  const isPartial = (i: number) => buckets[i]?.partial === true;
  return {
    whole: values.map((value, i) => (isPartial(i) ? null : value)),
    partial: values.map((value, i) => (isPartial(i) || isPartial(i - 1) || isPartial(i + 1) ? value : null)),
  };
}

/** One sentence about a series, for those who do not see the chart. */
export function summary(row: Row, formats: Formats): string {
  const known = row.values.filter((v): v is number => v !== null);
  if (known.length === 0) return `${row.name}: no values`;
  const [low, high] = known.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
  return `${row.name}: total ${formats.number(row.total)}, between ${formats.number(low)} and ${formats.number(high)}`;
}
