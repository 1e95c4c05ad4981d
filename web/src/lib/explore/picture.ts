// Which picture suits an answer, and what is in it.
import { additive } from '../catalogue';
import type { Drawing, Row } from '../draw';
import type { Formats } from '../format';
import type { SessionsNumbers } from '../openapi';
import type { Unit } from '../table';
import type { Answer, FunnelAnswer, LifecycleAnswer, RetentionAnswer, SessionsAnswer, StickinessAnswer, TrendsAnswer } from './answers';
import { hasCountries, placesOf, type Place } from './map';
import { measureIn } from './measures';
import { capital, groupName, offsetName, seriesName } from './tables';

export type Picture =
  | { type: 'chart'; drawing: Drawing; totals: boolean }
  | { type: 'number'; rows: Row[]; unit: Unit }
  | { type: 'map'; places: Place[] }
  | { type: 'funnel' | 'heat' | 'flow' | 'table' | 'nothing' };

/** The picture of an answer; of one with groups of which only one can be drawn, that of the group. */
export function pictureOf(answer: Answer, view: string, formats: Formats, group = 0): Picture {
  if (nothing(answer)) return { type: 'nothing' };
  if (view === 'table') return { type: 'table' };
  switch (answer.kind) {
    case 'trends':
      return trends(answer, view, formats);
    case 'funnel':
      return funnel(answer, formats, group);
    case 'retention':
      return view === 'curve' ? chart(curves(answer, formats)) : { type: 'heat' };
    case 'lifecycle':
      return chart(lifecycle(answer, formats, group));
    case 'stickiness':
      return chart(stickiness(answer, formats));
    case 'paths':
      return { type: 'flow' };
    case 'sessions':
      return view === 'duration' ? chart(lengths(answer, formats, group)) : chart(sessions(answer, view, formats), view === '' || measureIn(answer, view) !== undefined);
  }
}

/** The names of the groups of which only one can be drawn, in the order of pictureOf; empty when there is nothing to choose. */
export function groupsOf(answer: Answer, formats: Formats): string[] {
  if (answer.kind === 'lifecycle' && answer.groups?.length) {
    return ['Everybody', ...answer.groups.map((g) => `${groupName(answer, g.breakdown, formats)} (${formats.number(g.people)})`)];
  }
  if (answer.kind === 'paths' && answer.groups?.length) {
    return ['All paths', ...answer.groups.map((g) => `${groupName(answer, g.breakdown, formats)} (${formats.number(g.paths)})`)];
  }
  if (answer.kind === 'funnel' && answer.groups.length > 1 && answer.groups.some((g) => g.time_to_convert)) {
    return answer.groups.map((g) => `${groupName(answer, g.breakdown, formats)} (${formats.number(g.converted)})`);
  }
  if (answer.kind === 'sessions' && answer.groups.length > 1 && answer.question.show === 'duration') {
    return answer.groups.map((g) => `${groupName(answer, g.breakdown, formats)} (${formats.number(g.total.sessions)})`);
  }
  return [];
}

const chart = (drawing: Drawing, totals = false): Picture => ({ type: 'chart', drawing, totals });

/** Whether there is nothing at all to be shown. */
export function nothing(answer: Answer): boolean {
  switch (answer.kind) {
    case 'trends':
      return answer.series.every((s) => [...s.values, ...(s.compare?.values ?? [])].every((v) => v === null || v === 0));
    case 'funnel':
      return answer.groups.every((g) => g.entered === 0 && !g.compare?.entered);
    case 'retention':
      return answer.tables.every((t) => t.people === 0);
    case 'lifecycle':
      return answer.buckets.every((b) => b.active === 0 && !b.dormant);
    case 'stickiness':
      return (answer.windows ?? []).every((w) => w.people === 0) && (answer.days ?? []).every((d) => d.span === 0);
    case 'paths':
      return answer.paths === 0;
    case 'sessions':
      return answer.groups.every((g) => g.total.sessions === 0);
  }
}

/** What has to be known of the totals of people, who may be in several buckets and lines; undefined when totals are plain sums. */
export function aboutTotals(answer: Answer): string | undefined {
  if (answer.kind !== 'trends') return undefined;
  const asked = answer.question.series.map((s) => s.aggregate ?? 'total');
  const union = asked.includes('unique') && answer.buckets.length > 1;
  const shared = Boolean(answer.question.breakdown?.length) && asked.some((a) => ['unique', 'dau', 'wau', 'mau'].includes(a));
  const parts = [
    union && 'A total counts everybody once, and so is at most the sum of its intervals.',
    shared && 'Somebody may be in several lines, which add up to more than everybody then.',
  ];
  return parts.filter(Boolean).join(' ') || undefined;
}

type Buckets = { start: string; partial?: boolean }[];

function over(buckets: Buckets, interval: string, formats: Formats): Pick<Drawing, 'labels' | 'partial'> {
  return { labels: buckets.map((b) => formats.bucket(b.start, interval)), partial: buckets.map((b) => b.partial === true) };
}

function trends(answer: TrendsAnswer, view: string, formats: Formats): Picture {
  const rows = answer.series.map((series, i): Row => ({
    name: seriesName(answer, i, formats),
    values: series.values,
    total: series.total,
    ...(series.compare ? { before: series.compare } : {}),
  }));
  if (view === 'number') return { type: 'number', rows, unit: 'number' };
  if (view === 'map' && hasCountries(answer)) return { type: 'map', places: placesOf(answer, formats) };
  const asked = answer.question;
  const bars = view === 'bar';
  const sum = asked.series.every((s) => additive(s.aggregate ?? 'total')) && asked.series.length === 1 && !asked.formulas?.length;
  return chart(
    {
      rows,
      ...over(answer.buckets, answer.interval, formats),
      kind: bars ? 'bar' : 'line',
      stacked: bars && sum && !asked.compare && !asked.cumulative,
      unit: 'number',
    },
    true,
  );
}

function funnel(answer: FunnelAnswer, formats: Formats, group: number): Picture {
  const first = answer.groups[0];
  const drawn = answer.groups[group] ?? first;
  const name = (g: FunnelAnswer['groups'][number]) => groupName(answer, g.breakdown, formats) || 'Conversion';
  if (first?.trend) {
    return chart({
      rows: answer.groups.map((g) => ({ name: name(g), values: (g.trend ?? []).map((p) => p.rate ?? null), total: g.rate ?? null })),
      ...over(first.trend, answer.question.interval ?? 'day', formats),
      kind: 'line', stacked: false, unit: 'share',
    });
  }
  if (first?.time_to_convert) {
    // Each group has bars of its own width, so that only one can be drawn.
    const bins = drawn?.time_to_convert?.histogram ?? [];
    return chart({
      rows: [{ name: (drawn && groupName(answer, drawn.breakdown, formats)) || 'Converted', values: bins.map((b) => b.count), total: drawn?.time_to_convert?.count ?? null }],
      labels: bins.map((b) => `${formats.span(b.from_ms / 1000)} – ${formats.span(b.to_ms / 1000)}`),
      partial: [], kind: 'bar', stacked: false, unit: 'number',
    });
  }
  if (first?.windows) {
    return chart({
      rows: answer.groups.flatMap((g) => [
        { name: name(g), values: (g.windows ?? []).map((w) => w.rate ?? null), total: null },
        { name: `${name(g)}, estimate`, values: (g.windows ?? []).map((w) => w.kaplan_meier ?? null), total: null },
      ]),
      labels: first.windows.map((w) => w.window),
      partial: [], kind: 'line', stacked: false, unit: 'share',
    });
  }
  return { type: 'funnel' };
}

function curves(answer: RetentionAnswer, formats: Formats): Drawing {
  return {
    rows: answer.tables.map((table) => ({
      name: groupName(answer, table.breakdown, formats) || 'All cohorts',
      values: table.average.map((a) => a.rate),
      total: null,
    })),
    labels: answer.columns.map((c) => offsetName(answer.interval, c.from, c.to)),
    partial: [], kind: 'line', stacked: false, unit: 'share',
  };
}

/** Group 0 is everybody, the others are those of the breakdown. */
export function bucketsOf(answer: LifecycleAnswer, group: number): LifecycleAnswer['buckets'] {
  return group === 0 ? answer.buckets : (answer.groups?.[group - 1]?.buckets ?? answer.buckets);
}

/** Dormant people are below the line, as those whom the interval lost. */
function lifecycle(answer: LifecycleAnswer, formats: Formats, group: number): Drawing {
  const buckets = bucketsOf(answer, group);
  const row = (name: string, colour: number, of: (b: LifecycleAnswer['buckets'][number]) => number | null): Row => ({
    name, colour, values: buckets.map(of), total: null,
  });
  return {
    rows: [
      row('New', 0, (b) => b.new),
      row('Returning', 2, (b) => b.returning),
      row('Resurrecting', 4, (b) => b.resurrecting),
      row('Dormant', 1, (b) => (b.dormant ? -b.dormant : b.dormant)),
    ],
    ...over(buckets, answer.interval, formats),
    kind: 'bar', stacked: true, sided: true, unit: 'number',
  };
}

function stickiness(answer: StickinessAnswer, formats: Formats): Drawing {
  if (answer.days && answer.groups?.length) {
    return {
      rows: answer.groups.map((g) => ({
        name: groupName(answer, g.breakdown, formats),
        values: (g.days ?? []).map((d) => d.ratio),
        total: null,
      })),
      ...over(answer.days, 'day', formats),
      kind: 'line', stacked: false, unit: 'share',
    };
  }
  if (answer.days) {
    return {
      rows: [{ name: `Of the last ${answer.question.days ?? 30} days`, values: answer.days.map((d) => d.ratio), total: null }],
      ...over(answer.days, 'day', formats),
      kind: 'line', stacked: false, unit: 'share',
    };
  }
  if (answer.groups?.length) return sticky(answer, formats);
  const windows = answer.windows ?? [];
  const most = Math.max(0, ...windows.map((w) => w.counts.length));
  return {
    rows: windows.map((w) => ({
      name: windows.length > 1 ? `From ${formats.bucket(w.start, 'day')}${w.partial ? ', not complete' : ''}` : 'People',
      values: Array.from({ length: most }, (_, i) => w.counts[i] ?? null),
      total: null,
    })),
    labels: intervalNames(answer, most),
    partial: [], kind: 'bar', stacked: false, unit: 'number',
  };
}

/** Groups are of different size, so their shares are compared; of several windows the last one. */
function sticky(answer: StickinessAnswer, formats: Formats): Drawing {
  const rates = (answer.groups ?? []).map((g) => g.windows?.at(-1)?.rates ?? []);
  const most = Math.max(0, ...rates.map((r) => r.length));
  return {
    rows: (answer.groups ?? []).map((g, i) => ({
      name: groupName(answer, g.breakdown, formats),
      values: Array.from({ length: most }, (_, k) => rates[i]?.[k] ?? null),
      total: null,
    })),
    labels: intervalNames(answer, most),
    partial: [], kind: 'line', stacked: false, unit: 'share',
  };
}

function intervalNames(answer: StickinessAnswer, most: number): string[] {
  const more = answer.question.mode === 'cumulative' ? ' or more' : '';
  return Array.from({ length: most }, (_, i) => `${i + 1}${i === 0 ? ` ${answer.interval}` : ` ${answer.interval}s`}${more}`);
}

const sessionViews: Record<string, [Exclude<keyof SessionsNumbers, 'measures'>, Unit]> = {
  '': ['sessions', 'number'],
  average: ['average_seconds', 'seconds'],
  bounce: ['bounce_rate', 'share'],
  events: ['events_per_session', 'number'],
};

function sessions(answer: SessionsAnswer, view: string, formats: Formats): Drawing {
  const [field, unit] = sessionViews[view] ?? sessionViews['']!;
  const measured = measureIn(answer, view);
  const name = measured === undefined ? capital(field.replace(/_(seconds|rate)$/, '').replaceAll('_', ' ')) : `${answer.question.measures![measured]!.label} a session`;
  const value = (n: SessionsNumbers | undefined) => (measured === undefined ? n?.[field] : n?.measures?.[measured]?.average) ?? null;
  return {
    rows: answer.groups.map((g) => ({
      name: groupName(answer, g.breakdown, formats) || name, values: g.buckets.map(value), total: value(g.total),
    })),
    ...over(answer.buckets, answer.interval, formats),
    kind: 'line', stacked: false, unit: measured === undefined ? unit : 'number',
  };
}

/** How many sessions of a group last how long; each group has bars of its own width. */
function lengths(answer: SessionsAnswer, formats: Formats, group: number): Drawing {
  const drawn = answer.groups[group] ?? answer.groups[0];
  const bins = drawn?.histogram ?? [];
  return {
    rows: [{ name: (drawn && groupName(answer, drawn.breakdown, formats)) || 'Sessions', values: bins.map((b) => b.count), total: drawn?.total.sessions ?? null }],
    labels: bins.map((b) => `${formats.span(b.from_ms / 1000)} – ${formats.span(b.to_ms / 1000)}`),
    partial: [], kind: 'bar', stacked: false, unit: 'number',
  };
}
