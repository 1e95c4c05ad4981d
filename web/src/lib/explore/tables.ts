// Every answer as a table. The first column names the row.
import { breakdownName, type Formats } from '../format';
import type { Bucket, FunnelGroup, SessionsNumbers } from '../openapi';
import type { Cell, Column, Table, Unit } from '../table';
import type {
  Answer,
  FunnelAnswer,
  LifecycleAnswer,
  PathsAnswer,
  RetentionAnswer,
  SessionsAnswer,
  StickinessAnswer,
  TrendsAnswer,
} from './answers';

const column = (name: string, unit: Unit = 'number'): Column => ({ name, unit });

export function tableOf(answer: Answer, formats: Formats): Table {
  switch (answer.kind) {
    case 'trends':
      return trends(answer, formats);
    case 'funnel':
      return funnel(answer, formats);
    case 'retention':
      return retention(answer, formats);
    case 'lifecycle':
      return lifecycle(answer, formats);
    case 'stickiness':
      return stickiness(answer, formats);
    case 'paths':
      return paths(answer, formats);
    case 'sessions':
      return sessions(answer, formats);
  }
}

/** A bucket's name, with a word when it is not over. */
export function bucketName(bucket: Bucket, interval: string, formats: Formats): string {
  return formats.bucket(bucket.start, interval) + (bucket.partial ? ' (not complete)' : '');
}

type Broken = { question: { breakdown?: { property?: string }[] } };

/** The values of a breakdown in words; empty without one. */
export function groupName(answer: Broken, values: unknown[] | undefined, formats: Formats): string {
  return (values ?? [])
    .map((value, i) => breakdownName(value, answer.question.breakdown?.[i]?.property ?? '', formats.locale))
    .join(' · ');
}

/** The name of a series: what it counts when there are several, and its part of the breakdown. */
export function seriesName(answer: TrendsAnswer, at: number, formats: Formats): string {
  const series = answer.series[at]!;
  const several = new Set(answer.series.map((s) => s.id)).size > 1;
  const group = groupName(answer, series.breakdown, formats);
  const label = series.label || 'All events';
  if (!group) return label;
  return several ? `${label} · ${group}` : group;
}

function trends(answer: TrendsAnswer, formats: Formats): Table {
  const columns = [column('Time', 'text')];
  answer.series.forEach((series, i) => {
    const name = seriesName(answer, i, formats);
    columns.push(column(name));
    if (series.compare) columns.push(column(`${name}, before`));
  });
  const rows = answer.buckets.map((bucket, at): Cell[] => [
    bucketName(bucket, answer.interval, formats),
    ...answer.series.flatMap((s) => (s.compare ? [s.values[at] ?? null, s.compare.values[at] ?? null] : [s.values[at] ?? null])),
  ]);
  const total: Cell[] = ['Together', ...answer.series.flatMap((s) => (s.compare ? [s.total, s.compare.total] : [s.total]))];
  return { columns, rows: [...rows, total] };
}

function funnel(answer: FunnelAnswer, formats: Formats): Table {
  const name = (g: FunnelGroup) => groupName(answer, g.breakdown, formats);
  const split = answer.groups.some((g) => g.breakdown);
  const lead = split ? [column('Group', 'text')] : [];
  const first = answer.groups[0];
  const cells = (g: FunnelGroup, ...rest: Cell[]): Cell[] => (split ? [name(g), ...rest] : rest);
  if (first?.trend) {
    return {
      columns: [...lead, column('Time', 'text'), column('Entered'), column('Converted'), column('Dropped'), column('Open'), column('Rate', 'share')],
      rows: answer.groups.flatMap((g) =>
        (g.trend ?? []).map((p) =>
          cells(g, bucketName(p, answer.question.interval ?? 'day', formats), p.entered, p.converted, p.dropped, p.open, p.rate ?? null),
        ),
      ),
    };
  }
  if (first?.time_to_convert) {
    return {
      columns: [...lead, column('From', 'milliseconds'), column('To', 'milliseconds'), column('Count')],
      rows: answer.groups.flatMap((g) => (g.time_to_convert?.histogram ?? []).map((b) => cells(g, b.from_ms, b.to_ms, b.count))),
    };
  }
  if (first?.windows) {
    return {
      columns: [...lead, column('Window', 'text'), column('Entered'), column('Converted'), column('Rate', 'share'), column('Estimate', 'share')],
      rows: answer.groups.flatMap((g) =>
        (g.windows ?? []).map((w) => cells(g, w.window, w.entered, w.converted, w.rate ?? null, w.kaplan_meier ?? null)),
      ),
    };
  }
  const before = answer.groups.some((g) => g.compare);
  return {
    columns: [
      ...lead, column('Step', 'text'), column('Reached'), column('Of all', 'share'), column('Of the step before', 'share'),
      column('Median time', 'milliseconds'), column('Mean time', 'milliseconds'), ...(before ? [column('Reached before')] : []),
    ],
    rows: answer.groups.flatMap((g) =>
      g.steps.map((s, i) =>
        cells(g, `${i + 1}. ${s.label}`, s.count, s.rate ?? null, i === 0 ? null : (s.from_previous ?? null), s.median_ms ?? null, s.average_ms ?? null,
          ...(before ? [g.compare?.steps[i]?.count ?? null] : [])),
      ),
    ),
  };
}

/** The name of a column of offsets. */
export function offsetName(interval: string, from: number, to: number): string {
  const unit = interval.charAt(0).toUpperCase() + interval.slice(1);
  return from === to ? `${unit} ${from}` : `${unit} ${from}–${to}`;
}

function retention(answer: RetentionAnswer, formats: Formats): Table {
  const split = answer.tables.some((t) => t.breakdown);
  const rows = answer.tables.flatMap((table) =>
    table.cohorts.map((c): Cell[] => [
      ...(split ? [groupName(answer, table.breakdown, formats)] : []),
      bucketName(c, answer.interval, formats),
      c.size,
      ...c.cells.map((cell) => cell.rate),
    ]),
  );
  return {
    columns: [
      ...(split ? [column('Group', 'text')] : []), column('Cohort', 'text'), column('People'),
      ...answer.columns.map((c) => column(offsetName(answer.interval, c.from, c.to), 'share')),
    ],
    rows,
  };
}

function lifecycle(answer: LifecycleAnswer, formats: Formats): Table {
  const cells = (buckets: LifecycleAnswer['buckets'], ...lead: Cell[]): Cell[][] =>
    buckets.map((b) => [...lead, bucketName(b, answer.interval, formats), b.active, b.new, b.returning, b.resurrecting, b.dormant, b.pulse]);
  const split = answer.groups !== undefined && answer.groups.length > 0;
  return {
    columns: [
      ...(split ? [column('Group', 'text')] : []), column('Time', 'text'),
      column('Active'), column('New'), column('Returning'), column('Resurrecting'), column('Dormant'), column('Pulse'),
    ],
    rows: split
      ? [...cells(answer.buckets, 'Everybody'), ...answer.groups!.flatMap((g) => cells(g.buckets, groupName(answer, g.breakdown, formats)))]
      : cells(answer.buckets),
  };
}

function stickiness(answer: StickinessAnswer, formats: Formats): Table {
  if (answer.groups?.length) return stickyGroups(answer, formats);
  if (answer.days) {
    return {
      columns: [column('Day', 'text'), column('Active on the day'), column('Active in the days up to it'), column('Ratio', 'share')],
      rows: answer.days.map((d) => [bucketName(d, 'day', formats), d.day, d.span, d.ratio]),
    };
  }
  const windows = answer.windows ?? [];
  const several = windows.length > 1;
  return {
    columns: [...(several ? [column('From', 'text')] : []), column(`${capital(answer.interval)}s active`), column('People'), column('Share', 'share')],
    rows: windows.flatMap((w) =>
      w.counts.map((count, i): Cell[] => [...(several ? [bucketName(w, 'day', formats)] : []), i + 1, count, w.rates[i] ?? null]),
    ),
  };
}

function stickyGroups(answer: StickinessAnswer, formats: Formats): Table {
  const groups = answer.groups ?? [];
  const name = (g: (typeof groups)[number]) => groupName(answer, g.breakdown, formats);
  if (answer.days) {
    return {
      columns: [column('Group', 'text'), column('Day', 'text'), column('Active on the day'), column('Active in the days up to it'), column('Ratio', 'share')],
      rows: groups.flatMap((g) => (g.days ?? []).map((d) => [name(g), bucketName(d, 'day', formats), d.day, d.span, d.ratio])),
    };
  }
  return {
    columns: [column('Group', 'text'), column('From', 'text'), column(`${capital(answer.interval)}s active`), column('People'), column('Share', 'share')],
    rows: groups.flatMap((g) =>
      (g.windows ?? []).flatMap((w) => w.counts.map((count, i): Cell[] => [name(g), bucketName(w, 'day', formats), i + 1, count, w.rates[i] ?? null])),
    ),
  };
}

export function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/** A step of a path in words. */
export function nodeName(node: { sort: string; value: unknown }): string {
  if (node.sort === 'other') return '(all others)';
  if (node.sort === 'end') return '(no further step)';
  if (node.sort === 'start') return '(no step before)';
  return breakdownName(node.value, '');
}

function paths(answer: PathsAnswer, formats: Formats): Table {
  const cells = ({ layers, links }: Pick<PathsAnswer, 'layers' | 'links'>, ...lead: Cell[]): Cell[][] => {
    const nodes = new Map(layers.map((layer) => [layer.step, layer.nodes]));
    return links.map((link) => {
      const [from, to] = [nodes.get(link.step)?.[link.from], nodes.get(link.step + 1)?.[link.to]];
      return [...lead, link.step, from ? nodeName(from) : '', to ? nodeName(to) : '', link.count];
    });
  };
  const groups = answer.groups ?? [];
  const split = groups.length > 0;
  return {
    columns: [...(split ? [column('Group', 'text')] : []), column('Step'), column('From', 'text'), column('To', 'text'), column('Paths')],
    rows: split
      ? [...cells(answer, 'All paths'), ...groups.flatMap((g) => cells(g, groupName(answer, g.breakdown, formats)))]
      : cells(answer),
  };
}

const measures: [Exclude<keyof SessionsNumbers, 'measures'>, string, Unit][] = [
  ['sessions', 'Sessions', 'number'],
  ['average_seconds', 'Mean length', 'seconds'],
  ['median_seconds', 'Median length', 'seconds'],
  ['p90_seconds', '90th percentile', 'seconds'],
  ['bounce_rate', 'Bounce rate', 'share'],
  ['events_per_session', 'Events a session', 'number'],
];

function sessions(answer: SessionsAnswer, formats: Formats): Table {
  const split = answer.groups.some((g) => g.breakdown);
  if (answer.question.show === 'duration') {
    return {
      columns: [...(split ? [column('Group', 'text')] : []), column('From', 'milliseconds'), column('To', 'milliseconds'), column('Count')],
      rows: answer.groups.flatMap((g) =>
        (g.histogram ?? []).map((b) => [...(split ? [groupName(answer, g.breakdown, formats)] : []), b.from_ms, b.to_ms, b.count]),
      ),
    };
  }
  const cells = (n: SessionsNumbers): Cell[] => [
    ...measures.map(([name]) => n[name] ?? null),
    ...(n.measures ?? []).flatMap((m) => [m.total, m.average, m.median]),
  ];
  const more = (answer.question.measures ?? []).flatMap(({ label = '' }) => [label, `${label} a session`, `${label}, median`]);
  return {
    columns: [...(split ? [column('Group', 'text')] : []), column('Time', 'text'), ...measures.map(([, name, unit]) => column(name, unit)), ...more.map((name) => column(name))],
    rows: answer.groups.flatMap((g) => {
      const lead = split ? [groupName(answer, g.breakdown, formats)] : [];
      return [
        ...answer.buckets.map((b, i) => [...lead, bucketName(b, answer.interval, formats), ...(g.buckets[i] ? cells(g.buckets[i]) : [])]),
        [...lead, 'Together', ...cells(g.total)],
      ];
    }),
  };
}
