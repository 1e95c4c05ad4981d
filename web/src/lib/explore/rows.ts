// Who is behind the numbers of the table that tables.ts makes, place by place.
import type { Formats } from '../format';
import type { Answer, FunnelAnswer, LifecycleAnswer, PathsAnswer, RetentionAnswer, SessionsAnswer, StickinessAnswer, TrendsAnswer } from './answers';
import {
  behindBin, behindCell, behindDay, behindEntry, behindIntervals, behindLength, behindLink, behindPoint, behindState, behindStep, behindTotal, behindWindow,
  type Behind,
} from './cells';

/** Who is behind a number; undefined for a column that has nobody, as rates of formulas and lengths of time. */
export function behindTable(answer: Answer, row: number, column: number, formats: Formats): Behind | undefined {
  switch (answer.kind) {
    case 'trends':
      return trends(answer, row, column, formats);
    case 'funnel':
      return funnel(answer, row, answer.groups.some((g) => g.breakdown) ? column - 1 : column, formats);
    case 'retention':
      return retention(answer, row, answer.tables.some((t) => t.breakdown) ? column - 1 : column, formats);
    case 'lifecycle':
      return lifecycle(answer, row, column, formats);
    case 'stickiness':
      return stickiness(answer, row, column, formats);
    case 'paths':
      return paths(answer, row, column, formats);
    case 'sessions':
      return sessions(answer, row, answer.groups.some((g) => g.breakdown) ? column - 1 : column, formats);
  }
}

/** Splits the place of a row of a table whose parts have rows of their own: which part, and which row of it. */
function part(row: number, sizes: number[]): [part: number, row: number] {
  for (const [i, size] of sizes.entries()) {
    if (row < size) return [i, row];
    row -= size;
  }
  return [-1, 0];
}

function trends(answer: TrendsAnswer, row: number, column: number, formats: Formats): Behind | undefined {
  let at = 1;
  for (const [i, series] of answer.series.entries()) {
    const before = series.compare !== undefined && column === at + 1;
    if (column === at || before) {
      if (row >= answer.buckets.length) return behindTotal(answer, i, formats, { before });
      return behindPoint(answer, row, i, formats, { before });
    }
    at += series.compare ? 2 : 1;
  }
  return undefined;
}

function funnel(answer: FunnelAnswer, row: number, column: number, formats: Formats): Behind | undefined {
  const first = answer.groups[0];
  if (first?.trend) {
    const state = ([undefined, 'entered', 'converted', 'dropped', 'open'] as const)[column];
    const [group, at] = part(row, answer.groups.map((g) => g.trend?.length ?? 0));
    return state && behindEntry(answer, at, group, state, formats);
  }
  if (first?.time_to_convert) {
    const [group, at] = part(row, answer.groups.map((g) => g.time_to_convert?.histogram?.length ?? 0));
    return column === 2 ? behindBin(answer, at, group, formats) : undefined;
  }
  if (first?.windows) {
    const state = ([undefined, 'entered', 'converted'] as const)[column];
    const [group, at] = part(row, answer.groups.map((g) => g.windows?.length ?? 0));
    return state && behindWindow(answer, at, group, state, formats);
  }
  const [group, step] = part(row, answer.groups.map((g) => g.steps.length));
  if (column === 1) return behindStep(answer, step, group, 'reached', formats);
  return column === 6 ? behindStep(answer, step, group, 'before', formats) : undefined;
}

function retention(answer: RetentionAnswer, row: number, column: number, formats: Formats): Behind | undefined {
  const [table, cohort] = part(row, answer.tables.map((t) => t.cohorts.length));
  if (column < 1) return undefined;
  return behindCell(answer, table, cohort, column === 1 ? undefined : column - 2, formats);
}

function lifecycle(answer: LifecycleAnswer, row: number, column: number, formats: Formats): Behind | undefined {
  const groups = answer.groups ?? [];
  const state = ([undefined, 'active', 'new', 'returning', 'resurrecting', 'dormant'] as const)[groups.length > 0 ? column - 1 : column];
  const [group, at] = part(row, [answer.buckets.length, ...groups.map((g) => g.buckets.length)]);
  return state && behindState(answer, at, state, group, formats);
}

function paths(answer: PathsAnswer, row: number, column: number, formats: Formats): Behind | undefined {
  const groups = answer.groups ?? [];
  const [group, link] = part(row, [answer.links.length, ...groups.map((g) => g.links.length)]);
  return column === (groups.length > 0 ? 4 : 3) ? behindLink(answer, link, group, formats) : undefined;
}

function stickiness(answer: StickinessAnswer, row: number, column: number, formats: Formats): Behind | undefined {
  const groups = answer.groups ?? [];
  const split = groups.length > 0;
  if (answer.days) {
    const which = ([undefined, 'day', 'span'] as const)[split ? column - 1 : column];
    const [group, at] = part(row, split ? groups.map((g) => g.days?.length ?? 0) : [answer.days.length]);
    return which && behindDay(answer, at, which, group, formats);
  }
  const parts = split ? groups : [{ windows: answer.windows }];
  const windows = parts.flatMap((p, group) => (p.windows ?? []).map((w, at) => ({ group, at, rows: w.counts.length })));
  const [found, intervals] = part(row, windows.map((w) => w.rows));
  const window = windows[found];
  const lead = split ? 2 : windows.length > 1 ? 1 : 0;
  return window && column === lead + 1 ? behindIntervals(answer, intervals, window.at, window.group, formats) : undefined;
}

function sessions(answer: SessionsAnswer, row: number, column: number, formats: Formats): Behind | undefined {
  if (answer.question.show === 'duration') {
    const [group, bin] = part(row, answer.groups.map((g) => g.histogram?.length ?? 0));
    return column === 2 ? behindLength(answer, bin, group, formats) : undefined;
  }
  const [group, at] = part(row, answer.groups.map(() => answer.buckets.length + 1));
  // Of what is told of sessions, their number, the share of bounces and what measures come to are of people.
  const view = column > 6 && column % 3 === 1 ? `measure${(column - 4) / 3}` : { 1: '', 5: 'bounce' }[column];
  if (view === undefined) return undefined;
  return at === answer.buckets.length ? behindTotal(answer, group, formats, { view }) : behindPoint(answer, at, group, formats, { view });
}
