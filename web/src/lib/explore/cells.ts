// Which number of an answer somebody points at, as POST /v1/people wants it named.
import type { Formats } from '../format';
import type { PathNode, PeopleOfFunnel, PeopleOfLifecycle } from '../openapi';
import type { Answer, FunnelAnswer, LifecycleAnswer, PathsAnswer, SessionsAnswer, StickinessAnswer } from './answers';
import { measureIn } from './measures';
import { bucketName, capital, groupName, nodeName, offsetName, seriesName } from './tables';

/** A number of an answer: its name for the server, and for people. */
export type Behind = { cell: Record<string, unknown>; title: string };

type LifecycleState = NonNullable<PeopleOfLifecycle['state']>;
const states: LifecycleState[] = ['new', 'returning', 'resurrecting', 'dormant'];
const of = (values: unknown[] | undefined) => (values ? { breakdown: values } : {});
const words = (...parts: string[]) => parts.filter((part) => part).join(' · ');

/** What else says which number it is: the view, the group that is drawn, and whether it is of the range before. */
export type Of = { view?: string; group?: number; before?: boolean };

/** Who is behind a point of a chart: the label'th of the row'th line. Undefined where a number has nobody. */
export function behindPoint(answer: Answer, label: number, row: number, formats: Formats, { view = '', group = 0, before = false }: Of = {}): Behind | undefined {
  switch (answer.kind) {
    case 'trends': {
      const [series, bucket] = [answer.series[row], answer.buckets[label]];
      if (!series || !bucket || answer.question.formulas?.some((f) => f.id === series.id)) return undefined;
      return {
        cell: { series: series.id, bucket: bucket.start, ...of(series.breakdown), ...(before ? { compare: true } : {}) },
        title: words(seriesName(answer, row, formats), bucketName(bucket, answer.interval, formats), before ? 'before' : ''),
      };
    }
    case 'lifecycle':
      return states[row] && behindState(answer, label, states[row], group, formats);
    case 'stickiness':
      if (answer.days) return behindDay(answer, label, 'day', row, formats);
      return behindIntervals(answer, label, answer.groups?.length ? (answer.groups[row]?.windows?.length ?? 0) - 1 : row, row, formats);
    case 'sessions': {
      if (view === 'duration') return behindLength(answer, label, group, formats);
      const [found, bucket] = [answer.groups[row], answer.buckets[label]];
      const which = sessionsOf(answer, view);
      return found && bucket && {
        cell: { bucket: bucket.start, ...of(found.breakdown), ...which.cell },
        title: words(which.name, groupName(answer, found.breakdown, formats), bucketName(bucket, answer.interval, formats)),
      };
    }
    case 'funnel':
      return funnelPoint(answer, label, row, group, formats);
    case 'retention':
      return answer.columns[label] && behindCell(answer, row, undefined, label, formats);
    default:
      return undefined;
  }
}

/** Which sessions a picture is of: all, those of one event, or those with an event that a measure is of. */
function sessionsOf(answer: SessionsAnswer, view: string): { name: string; cell: Record<string, unknown> } {
  const measure = measureIn(answer, view);
  if (measure !== undefined) return { name: `Sessions with ${answer.question.measures![measure]!.label}`, cell: { measure } };
  return view === 'bounce' ? { name: 'Bounces', cell: { bounced: true } } : { name: 'Sessions', cell: {} };
}

/** Who is new, active and so on in an interval; group 0 is everybody, as in the picture. */
export function behindState(answer: LifecycleAnswer, label: number, state: LifecycleState, group: number, formats: Formats): Behind | undefined {
  const bucket = answer.buckets[label];
  const part = answer.groups?.[group - 1]?.breakdown;
  return bucket && {
    cell: { bucket: bucket.start, state, ...of(part) },
    title: words(capital(state), groupName(answer, part, formats), bucketName(bucket, answer.interval, formats)),
  };
}

/** Who was active on a day of a ratio, or in the days up to it. */
export function behindDay(answer: StickinessAnswer, label: number, which: 'day' | 'span', group: number, formats: Formats): Behind | undefined {
  const day = answer.days?.[label];
  const part = answer.groups?.[group]?.breakdown;
  return day && {
    cell: { day: day.start, of: which, ...of(part) },
    title: words(which === 'day' ? 'Active on the day' : 'Active in the days up to it', groupName(answer, part, formats), bucketName(day, 'day', formats)),
  };
}

/** Who was active in so many intervals of a window; the label is one less than these. */
export function behindIntervals(answer: StickinessAnswer, label: number, at: number, group: number, formats: Formats): Behind | undefined {
  const part = answer.groups?.[group];
  const windows = part ? part.windows : answer.windows;
  const window = windows?.[at];
  const more = answer.question.mode === 'cumulative' ? ' or more' : '';
  return window && {
    cell: { window: window.start, intervals: label + 1, ...of(part?.breakdown) },
    title: words(
      `Active on ${label + 1}${more} ${answer.interval}${label === 0 ? '' : 's'}`, groupName(answer, part?.breakdown, formats),
      windows!.length > 1 ? `from ${bucketName(window, 'day', formats)}` : '',
    ),
  };
}

/** Over time a row is a group, by window every second one is its estimate, and of times to convert one group is drawn. */
function funnelPoint(answer: FunnelAnswer, label: number, row: number, drawn: number, formats: Formats): Behind | undefined {
  const first = answer.groups[0];
  if (first?.time_to_convert) return behindBin(answer, label, drawn, formats);
  if (first?.windows) return row % 2 === 0 ? behindWindow(answer, label, row / 2, 'converted', formats) : undefined;
  return behindEntry(answer, label, row, 'converted', formats);
}

type FunnelState = NonNullable<PeopleOfFunnel['state']>;

/** Who entered a funnel in an interval, or what became of them. */
export function behindEntry(answer: FunnelAnswer, label: number, group: number, state: FunnelState, formats: Formats): Behind | undefined {
  const found = answer.groups[group];
  const point = found?.trend?.[label];
  return point && {
    cell: { bucket: point.start, state, ...of(found.breakdown) },
    title: words(capital(state), groupName(answer, found.breakdown, formats), bucketName(point, answer.question.interval ?? 'day', formats)),
  };
}

/** Who took as long as a bar of the times to convert says. */
export function behindBin(answer: FunnelAnswer, bin: number, group: number, formats: Formats): Behind | undefined {
  const found = answer.groups[group];
  const bar = found?.time_to_convert?.histogram?.[bin];
  return bar && {
    cell: { bin, ...of(found.breakdown) },
    title: words(`Converted in ${formats.span(bar.from_ms / 1000)} – ${formats.span(bar.to_ms / 1000)}`, groupName(answer, found.breakdown, formats)),
  };
}

/** Whose sessions last as long as a bar says. */
export function behindLength(answer: SessionsAnswer, bin: number, group: number, formats: Formats): Behind | undefined {
  const found = answer.groups[group];
  const bar = found?.histogram?.[bin];
  return bar && {
    cell: { bin, ...of(found.breakdown) },
    title: words(`Sessions of ${formats.span(bar.from_ms / 1000)} – ${formats.span(bar.to_ms / 1000)}`, groupName(answer, found.breakdown, formats)),
  };
}

/** Who entered, or converted, by one of the windows that are compared. */
export function behindWindow(answer: FunnelAnswer, at: number, group: number, state: FunnelState, formats: Formats): Behind | undefined {
  const found = answer.groups[group];
  const window = found?.windows?.[at];
  return window && {
    cell: { window: window.window, state, ...of(found.breakdown) },
    title: words(`${capital(state)} within ${window.window}`, groupName(answer, found.breakdown, formats)),
  };
}

/** The series whose total is a mean of days, and nobody's. */
const means = ['dau', 'wau', 'mau'];

/** Who is behind the number of a line for the whole range, or for the range before it. */
export function behindTotal(answer: Answer, row: number, formats: Formats, { view = '', before = false }: Of = {}): Behind | undefined {
  switch (answer.kind) {
    case 'trends': {
      const found = behindPoint(answer, 0, row, formats, { before });
      if (!found || answer.question.series.some((s) => s.id === found.cell.series && means.includes(s.aggregate ?? ''))) return undefined;
      delete found.cell.bucket;
      return { cell: found.cell, title: words(seriesName(answer, row, formats), before ? 'before' : '') };
    }
    case 'sessions': {
      const group = answer.groups[row];
      const which = sessionsOf(answer, view);
      return group && {
        cell: { ...of(group.breakdown), ...which.cell },
        title: words(which.name, groupName(answer, group.breakdown, formats)),
      };
    }
    case 'funnel': {
      const group = answer.groups[row];
      return group?.trend && behindOutcome(answer, row, 'converted', formats);
    }
    default:
      return undefined;
  }
}

/** Says which numbers of a picture have nobody behind them, where it would be expected that they have. */
export function nobodyBehind(answer: Answer): string {
  if (answer.kind === 'funnel') return answer.groups.some((g) => g.windows) ? 'An estimate has nobody behind it.' : '';
  if (answer.kind !== 'trends') return '';
  if (answer.question.formulas?.length) return 'A formula has nobody behind it; the series that it is made of have.';
  return answer.question.series.some((s) => means.includes(s.aggregate ?? '')) ? 'The total of active people is a mean, and has nobody behind it.' : '';
}

/** Who entered a funnel, or what became of them. */
export function behindOutcome(answer: FunnelAnswer, group: number, state: FunnelState, formats: Formats): Behind | undefined {
  const found = answer.groups[group];
  return found && {
    cell: { state, ...of(found.breakdown) },
    title: words(state === 'open' ? 'May still convert' : capital(state), groupName(answer, found.breakdown, formats)),
  };
}

/** Who reached a step of a funnel, or stopped there. Steps count from 0 here. */
export function behindStep(answer: Answer, step: number, group: number, which: 'reached' | 'stopped' | 'before', formats: Formats): Behind | undefined {
  const found = answer.kind === 'funnel' ? answer.groups[group] : undefined;
  if (!found || answer.kind !== 'funnel') return undefined;
  const label = `${step + 1}. ${found.steps[step]?.label ?? ''}`;
  return {
    cell: { step: step + 1, ...(which === 'stopped' ? { state: 'stopped_here' } : which === 'before' ? { compare: true } : {}), ...of(found.breakdown) },
    title: words(
      which === 'stopped' ? `Came to ${label}, and no farther` : `Reached ${label}`,
      groupName(answer, found.breakdown, formats), which === 'before' ? 'before' : '',
    ),
  };
}

/** Who is in a cell of a retention's table: of a cohort or of all, who came back in a column or everybody. */
export function behindCell(answer: Answer, table: number, cohort: number | undefined, column: number | undefined, formats: Formats): Behind | undefined {
  if (answer.kind !== 'retention') return undefined;
  const found = answer.tables[table];
  const row = cohort === undefined ? undefined : found?.cohorts[cohort];
  const offset = column === undefined ? undefined : answer.columns[column];
  if (!found || (cohort !== undefined && !row) || (column !== undefined && !offset)) return undefined;
  return {
    cell: { ...(row ? { cohort: row.start } : {}), ...(offset ? { column } : {}), ...of(found.breakdown) },
    title: words(
      ...(offset ? ['Came back', offsetName(answer.interval, offset.from, offset.to)] : []),
      row ? `Cohort of ${bucketName(row, answer.interval, formats)}` : 'All cohorts', groupName(answer, found.breakdown, formats),
    ),
  };
}

const place = (node: PathNode) => ({ sort: node.sort, ...(node.sort === 'value' ? { value: node.value } : {}) });

/** The paths of a group; group 0 has all of them, the others are those of the breakdown. */
export function pathsIn(answer: PathsAnswer, group: number): PathsAnswer {
  const found = answer.groups?.[group - 1];
  return found ? { ...answer, paths: found.paths, layers: found.layers, links: found.links } : answer;
}

/** Who is at a node of paths; the step is that of the answer. */
export function behindNode(answer: Answer, step: number, node: number, group: number, formats: Formats): Behind | undefined {
  if (answer.kind !== 'paths') return undefined;
  const part = answer.groups?.[group - 1]?.breakdown;
  const found = pathsIn(answer, group).layers.find((l) => l.step === step)?.nodes[node];
  return found && {
    cell: { step, node: place(found), ...of(part) },
    title: words(`Step ${step}`, nodeName(found), groupName(answer, part, formats)),
  };
}

/** Who goes from a node of paths to one of the next step. */
export function behindLink(answer: Answer, link: number, group: number, formats: Formats): Behind | undefined {
  if (answer.kind !== 'paths') return undefined;
  const part = answer.groups?.[group - 1]?.breakdown;
  const { layers, links } = pathsIn(answer, group);
  const found = links[link];
  if (!found) return undefined;
  const at = (step: number, node: number) => layers.find((l) => l.step === step)?.nodes[node];
  const [from, to] = [at(found.step, found.from), at(found.step + 1, found.to)];
  return from && to && {
    cell: { step: found.step, node: place(from), next: place(to), ...of(part) },
    title: words(`Step ${found.step}`, `${nodeName(from)} → ${nodeName(to)}`, groupName(answer, part, formats)),
  };
}
