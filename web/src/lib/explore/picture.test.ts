import { describe, expect, it } from 'vitest';
import { flow } from '../../pictures/flow';
import { nearest, splitPartial, summary, type Drawing } from '../draw';
import { Formats } from '../format';
import { csv } from '../table';
import type { Answer, FunnelAnswer, LifecycleAnswer, PathsAnswer, RetentionAnswer, SessionsAnswer, TrendsAnswer } from './answers';
import { behindCell, behindLink, behindNode, behindPoint, behindStep, behindTotal, nobodyBehind, pathsIn } from './cells';
import { placesOf } from './map';
import { aboutTotals, groupsOf, nothing, pictureOf } from './picture';
import { behindTable } from './rows';
import { tableOf } from './tables';

const formats = new Formats('UTC', 'en');
const base = {
  range: { from: '2026-01-01T00:00:00Z', to: '2026-01-03T00:00:00Z', timezone: 'UTC' },
  watermark: { position: 1, time: '2026-01-03T00:00:00Z' }, cached: false, took_ms: 1, interval: 'day',
};
const buckets = [{ start: '2026-01-01T00:00:00Z' }, { start: '2026-01-02T00:00:00Z', partial: true }];

const trends = {
  ...base, kind: 'trends', buckets, question: { series: [{ aggregate: 'total' }], breakdown: [{ property: '$country' }] },
  series: [
    { id: 'A', label: 'a', breakdown: ['DE'], values: [1, 2], total: 3 },
    { id: 'A', label: 'a', breakdown: ['$other'], values: [null, 4], total: 4 },
  ],
} as TrendsAnswer;

const steps = (...counts: number[]) =>
  counts.map((count, i) => ({ label: `s${i}`, count, rate: count / counts[0]!, from_previous: i ? count / counts[i - 1]! : 1 }));
const funnel = {
  ...base, kind: 'funnel', as_of: '', question: { kind: 'funnel', steps: [] },
  groups: [{ entered: 10, converted: 4, dropped: 5, open: 1, rate: 4 / 9, rate_all: 0.4, steps: steps(10, 4) }],
} as unknown as FunnelAnswer;

const retention = {
  ...base, kind: 'retention', columns: [{ from: 0, to: 0 }, { from: 1, to: 3 }], question: { kind: 'retention' },
  tables: [{
    people: 10, average: [{ count: 10, size: 10, rate: 1 }, { count: 5, size: 10, rate: 0.5 }],
    cohorts: [{ start: '2026-01-01T00:00:00Z', size: 10, cells: [{ count: 10, rate: 1, state: 'complete' }, { count: null, rate: null, state: 'future' }] }],
  }],
} as RetentionAnswer;

const lifecycle = {
  ...base, kind: 'lifecycle', question: { kind: 'lifecycle' },
  buckets: [{ start: '2026-01-01T00:00:00Z', active: 6, new: 1, returning: 2, resurrecting: 3, dormant: 4, pulse: 1 }],
} as LifecycleAnswer;

const paths = {
  ...base, kind: 'paths', paths: 100, question: { kind: 'paths' },
  layers: [
    { step: 0, nodes: [{ sort: 'value', value: 'a', count: 100 }] },
    { step: 1, nodes: [{ sort: 'value', value: 'b', count: 60 }, { sort: 'end', value: null, count: 40 }] },
  ],
  links: [{ step: 0, from: 0, to: 0, count: 60 }, { step: 0, from: 0, to: 1, count: 40 }],
} as unknown as PathsAnswer;

describe('pictureOf', () => {
  it('chooses what suits the kind', () => {
    const type = (answer: Answer, view = '') => pictureOf(answer, view, formats).type;
    expect([type(trends), type(trends, 'number'), type(funnel), type(retention), type(retention, 'curve'), type(lifecycle), type(paths)]).toEqual([
      'chart', 'number', 'funnel', 'heat', 'chart', 'chart', 'flow',
    ]);
    expect([type(trends, 'table'), type(paths, 'table')]).toEqual(['table', 'table']);
  });

  it('draws those who stay away below the line', () => {
    const picture = pictureOf(lifecycle, '', formats);
    expect(picture.type === 'chart' && picture.drawing.rows.map((r) => r.values[0])).toEqual([1, 2, 3, -4]);
  });

  it('knows an answer with nothing in it', () => {
    expect([trends, funnel, retention, lifecycle, paths].map(nothing)).toEqual([false, false, false, false, false]);
    expect(nothing({ ...trends, series: [{ ...trends.series[0]!, values: [0, null] }] })).toBe(true);
    expect(nothing({ ...paths, paths: 0 })).toBe(true);
  });
});

describe('lengths of sessions', () => {
  const group = (of: string, ...counts: number[]) => ({
    breakdown: [of], total: { sessions: 7 }, buckets: [], histogram: counts.map((count, i) => ({ from_ms: i * 1000, to_ms: i * 1000 + 1000, count })),
  });
  const lasting = { ...base, kind: 'sessions', buckets, question: { kind: 'sessions', show: 'duration' }, groups: [group('a', 3), group('b', 5, 2)] } as unknown as SessionsAnswer;

  it('draws one group, and knows who is behind its bars and the rows of the table', () => {
    expect(groupsOf(lasting, formats)).toEqual(['a (7)', 'b (7)']);
    const drawn = pictureOf(lasting, 'duration', formats, 1);
    expect(drawn.type === 'chart' && drawn.drawing.rows).toEqual([{ name: 'b', values: [5, 2], total: 7 }]);
    const bar = behindPoint(lasting, 1, 0, formats, { view: 'duration', group: 1 });
    expect(bar?.cell).toEqual({ bin: 1, breakdown: ['b'] });
    expect(tableOf(lasting, formats).rows).toEqual([['a', 0, 1000, 3], ['b', 0, 1000, 5], ['b', 1000, 2000, 2]]);
    expect([behindTable(lasting, 2, 3, formats), behindTable(lasting, 2, 1, formats)]).toEqual([bar, undefined]);
  });
});

describe('aboutTotals', () => {
  it('says when totals are no sums', () => {
    const of = (aggregate: string, breakdown: { property: string }[] = []) =>
      aboutTotals({ ...trends, question: { series: [{ aggregate }], breakdown } } as TrendsAnswer);
    expect(aboutTotals(trends)).toBeUndefined();
    expect(of('total')).toBeUndefined();
    expect(of('unique')).toBe('A total counts everybody once, and so is at most the sum of its intervals.');
    expect(of('unique', [{ property: '$os' }])).toMatch(/at most the sum .* several lines/);
    expect(of('mau', [{ property: '$os' }])).toMatch(/^Somebody may be in several lines/);
    expect(aboutTotals(funnel)).toBeUndefined();
  });
});

describe('tableOf', () => {
  it('has the numbers of the answer', () => {
    expect(tableOf(trends, formats)).toEqual({
      columns: [{ name: 'Time', unit: 'text' }, { name: 'Germany (DE)', unit: 'number' }, { name: '(all others)', unit: 'number' }],
      rows: [['Thu, Jan 1', 1, null], ['Fri, Jan 2 (not complete)', 2, 4], ['Together', 3, 4]],
    });
    expect(tableOf(funnel, formats).rows).toEqual([['1. s0', 10, 1, null, null, null], ['2. s1', 4, 0.4, 0.4, null, null]]);
    expect(tableOf(retention, formats).columns.map((c) => c.name)).toEqual(['Cohort', 'People', 'Day 0', 'Day 1–3']);
    expect(tableOf(paths, formats).rows).toEqual([[0, 'a', 'b', 60], [0, 'a', '(no further step)', 40]]);
  });
});

describe('flow', () => {
  it('keeps heights in proportion, and what leaves a node within it', () => {
    const drawn = flow(paths, 100, 200);
    expect(drawn.boxes.map((b) => Math.round(b.height))).toEqual([190, 114, 76]);
    expect(drawn.bands).toHaveLength(2);
    expect(drawn.height).toBeLessThanOrEqual(200);
  });
});

describe('splitPartial', () => {
  it('lets the dashed end begin where the line ends', () => {
    expect(splitPartial([1, 2, 3], [false, false, true])).toEqual({ whole: [1, 2, null], partial: [null, 2, 3] });
  });
});

describe('summary', () => {
  it('says what a line shows', () => {
    const write = (v: number | null) => formats.number(v);
    expect(summary({ name: 'a', values: [1, null, 3], total: 4 }, write)).toBe('a: total 4, between 1 and 3');
    expect(summary({ name: 'a', values: [null], total: null }, write)).toBe('a: no values');
  });
});

describe('csv', () => {
  it('quotes, keeps numbers plain and disarms formulas', () => {
    const table = { columns: [{ name: 'a,b', unit: 'text' as const }, { name: 'n', unit: 'number' as const }], rows: [['=1+1', -2.5], ['say "x"\nno', null]] };
    expect(csv(table)).toBe('"a,b",n\r\n\'=1+1,-2.5\r\n"say ""x""\nno",\r\n');
  });
});

describe('behind', () => {
  it('names a number as the server wants it', () => {
    expect(behindPoint(trends, 1, 0, formats)?.cell).toEqual({ series: 'A', bucket: '2026-01-02T00:00:00Z', breakdown: ['DE'] });
    expect(behindPoint(trends, 1, 0, formats, { before: true })?.cell).toMatchObject({ bucket: '2026-01-02T00:00:00Z', compare: true });
    expect(behindPoint(lifecycle, 0, 3, formats)?.cell).toEqual({ bucket: '2026-01-01T00:00:00Z', state: 'dormant' });
    expect(behindStep(funnel, 0, 0, 'stopped', formats)).toEqual({ cell: { step: 1, state: 'stopped_here' }, title: 'Came to 1. s0, and no farther' });
    expect(behindStep(funnel, 1, 0, 'before', formats)?.cell).toEqual({ step: 2, compare: true });
    expect(behindCell(retention, 0, 0, 1, formats)?.cell).toEqual({ cohort: '2026-01-01T00:00:00Z', column: 1 });
    expect(behindCell(retention, 0, 0, undefined, formats)?.cell).toEqual({ cohort: '2026-01-01T00:00:00Z' });
    expect(behindCell(retention, 0, undefined, undefined, formats)?.cell).toEqual({});
    expect(behindPoint(retention, 1, 0, formats)).toEqual({ cell: { column: 1 }, title: 'Came back · Day 1–3 · All cohorts' });
    expect(behindNode(paths, 1, 0, 0, formats)?.cell).toEqual({ step: 1, node: { sort: 'value', value: 'b' } });
    expect(behindNode(paths, 1, 1, 0, formats)?.cell).toEqual({ step: 1, node: { sort: 'end' } });
    expect(behindLink(paths, 1, 0, formats)?.cell).toEqual({ step: 0, node: { sort: 'value', value: 'a' }, next: { sort: 'end' } });
  });

  it('tells windows from their estimates, and the group whose times are drawn', () => {
    const rates = { entered: 9, converted: 3, dropped: 6, open: 0, rate: 1 / 3, rate_all: 1 / 3, kaplan_meier: 0.5 };
    const group = (of: string, more: object) => ({ ...funnel.groups[0], breakdown: [of], ...more });
    const windows = { ...funnel, groups: ['a', 'b'].map((of) => group(of, { windows: [{ window: '1d', ...rates }] })) } as FunnelAnswer;
    expect(behindPoint(windows, 0, 2, formats)?.cell).toEqual({ window: '1d', state: 'converted', breakdown: ['b'] });
    expect(behindPoint(windows, 0, 3, formats)).toBeUndefined();
    expect(nobodyBehind(windows)).toMatch(/estimate/);
    const times = { ...funnel, groups: ['a', 'b'].map((of, i) => group(of, { time_to_convert: { count: 3 + i, histogram: [{ from_ms: 0, to_ms: 1000, count: 3 + i }] } })) } as FunnelAnswer;
    expect(groupsOf(times, formats)).toEqual(['a (4)', 'b (4)']);
    const drawn = pictureOf(times, 'time_to_convert', formats, 1);
    expect(drawn.type === 'chart' && drawn.drawing.rows).toEqual([{ name: 'b', values: [4], total: 4 }]);
    expect(behindPoint(times, 0, 0, formats, { group: 1 })?.cell).toEqual({ bin: 0, breakdown: ['b'] });
    expect(behindTable(times, 1, 3, formats)?.cell).toEqual({ bin: 0, breakdown: ['b'] });
  });

  it('finds the number of a place in the table', () => {
    expect(behindTable(trends, 0, 2, formats)?.cell).toEqual({ series: 'A', bucket: '2026-01-01T00:00:00Z', breakdown: ['$other'] });
    expect(behindTable(trends, 2, 1, formats)?.cell).toEqual({ series: 'A', breakdown: ['DE'] });
    expect(behindTable(lifecycle, 0, 1, formats)?.cell).toEqual({ bucket: '2026-01-01T00:00:00Z', state: 'active' });
    expect(behindTable(lifecycle, 0, 6, formats)).toBeUndefined();
    expect(behindTable(funnel, 1, 1, formats)?.cell).toEqual({ step: 2 });
    expect(behindTable(funnel, 1, 4, formats)).toBeUndefined();
    expect(behindTable(retention, 0, 1, formats)?.cell).toEqual({ cohort: '2026-01-01T00:00:00Z' });
    expect(behindTable(retention, 0, 2, formats)?.cell).toEqual({ cohort: '2026-01-01T00:00:00Z', column: 0 });
    expect(behindTable(paths, 0, 3, formats)?.cell).toMatchObject({ next: { sort: 'value', value: 'b' } });
    const byCountry = {
      ...paths, groups: [{ breakdown: ['x'], paths: 60, layers: [{ step: 0, nodes: paths.layers[0]!.nodes }, { step: 1, nodes: [paths.layers[1]!.nodes[0]!] }], links: [paths.links[0]!] }],
    } as PathsAnswer;
    expect(groupsOf(byCountry, formats)).toEqual(['All paths', 'x (60)']);
    expect(tableOf(byCountry, formats).rows.map((r) => r[0])).toEqual(['All paths', 'All paths', 'x']);
    expect(behindTable(byCountry, 1, 4, formats)?.cell).toEqual({ step: 0, node: { sort: 'value', value: 'a' }, next: { sort: 'end' } });
    expect(behindTable(byCountry, 2, 4, formats)).toEqual({
      cell: { step: 0, node: { sort: 'value', value: 'a' }, next: { sort: 'value', value: 'b' }, breakdown: ['x'] }, title: 'Step 0 · a → b · x',
    });
    expect(behindNode(byCountry, 1, 0, 1, formats)?.cell).toEqual({ step: 1, node: { sort: 'value', value: 'b' }, breakdown: ['x'] });
    expect(behindNode(byCountry, 1, 1, 1, formats)).toBeUndefined();
    expect(flow(pathsIn(byCountry, 1), 100, 200).bands).toHaveLength(1);
    const split = { ...lifecycle, groups: [{ breakdown: ['x'], people: 3, buckets: lifecycle.buckets }] } as LifecycleAnswer;
    expect(behindTable(split, 1, 3, formats)?.cell).toEqual({ bucket: '2026-01-01T00:00:00Z', state: 'new', breakdown: ['x'] });
  });

  it('has nobody behind a formula, a mean, or a place that is not there', () => {
    const formula = { ...trends, question: { ...trends.question, formulas: [{ id: 'A', expression: '1' }] } } as TrendsAnswer;
    expect(behindPoint(formula, 0, 0, formats)).toBeUndefined();
    expect(nobodyBehind(formula)).toMatch(/formula/);
    const active = { ...trends, question: { ...trends.question, series: [{ id: 'A', aggregate: 'dau' }] } } as TrendsAnswer;
    expect(behindTotal(active, 0, formats)).toBeUndefined();
    expect(behindPoint(active, 0, 0, formats)).toBeDefined();
    expect(behindPoint(trends, 7, 0, formats)).toBeUndefined();
    expect(behindStep(trends, 0, 0, 'reached', formats)).toBeUndefined();
  });
});

describe('nearest', () => {
  const drawing = (stacked: boolean, ...values: (number | null)[]): Drawing => ({
    rows: values.map((v, i) => ({ name: String(i), values: [v], total: null })), labels: ['x'], partial: [], kind: 'bar', stacked, unit: 'number',
  });

  it('finds the line next to a place', () => {
    expect(nearest(drawing(false, 1, null, 10), 0, 7)).toEqual({ row: 2, before: false });
    expect(nearest(drawing(false, null), 0, 7)).toBeUndefined();
  });

  it('finds what a line was before, and passes what may not be chosen', () => {
    const two = drawing(false, 1, 10);
    two.rows[0]!.before = { values: [6], total: 6 };
    expect(nearest(two, 0, 7)).toEqual({ row: 0, before: true });
    expect(nearest(two, 0, 7, (point) => !point.before)).toEqual({ row: 1, before: false });
  });

  it('takes lines as they are drawn, each from the ground, and stacks bars', () => {
    const of = (view: string) => {
      const picture = pictureOf(trends, view, formats);
      return picture.type === 'chart' ? [picture.drawing.stacked, nearest(picture.drawing, 1, 2)?.row, nearest(picture.drawing, 1, 4)?.row] : [];
    };
    expect(of('')).toEqual([false, 0, 1]);
    expect(of('bar')).toEqual([true, 0, 1]);
    const line = pictureOf({ ...trends, series: [...trends.series].reverse() }, '', formats);
    // As parts of a stack both would be of the first.
    expect(line.type === 'chart' && [2, 4].map((height) => nearest(line.drawing, 1, height)?.row)).toEqual([1, 0]);
  });

  it('finds the part of a stack, above and below the line', () => {
    expect([1, 4, 9, -2].map((height) => nearest(drawing(true, 3, 2, -5), 0, height)?.row)).toEqual([0, 1, 1, 2]);
  });
});

describe('a map', () => {
  const map = { ...trends, question: { ...trends.question, breakdown: [{ property: '$country' }] } } as TrendsAnswer;

  it('has a number for each country, and keeps those that are none', () => {
    expect(pictureOf(map, 'map', formats).type).toBe('map');
    expect(placesOf(map, formats)).toEqual([
      { code: '', name: '(all others)', value: 4, row: 1 },
      { code: 'DE', name: 'Germany (DE)', value: 3, row: 0 },
    ]);
    expect(behindTotal(map, 0, formats)?.cell).toEqual({ series: 'A', breakdown: ['DE'] });
  });

  it('is lines when the answer is not by country', () => {
    const other = { ...map, question: { ...map.question, breakdown: [{ property: '$os' }] } } as TrendsAnswer;
    expect(pictureOf(other, 'map', formats).type).toBe('chart');
  });
});
