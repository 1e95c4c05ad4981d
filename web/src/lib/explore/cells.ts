// Which number of an answer somebody points at, as POST /v1/people wants it named.
import type { Formats } from '../format';
import type { PeopleOfLifecycle } from '../openapi';
import type { Answer, TrendsAnswer } from './answers';
import { bucketName, capital, groupName, nodeName, offsetName, seriesName } from './tables';

/** A number of an answer: its name for the server, and for people. */
export type Behind = { cell: Record<string, unknown>; title: string };

const states: NonNullable<PeopleOfLifecycle['state']>[] = ['new', 'returning', 'resurrecting', 'dormant'];
const of = (values: unknown[] | undefined) => (values ? { breakdown: values } : {});
const words = (...parts: string[]) => parts.filter((part) => part).join(' · ');

/** Who is behind a point of a chart: the label'th of the row'th line. Undefined where a number has nobody. */
export function behindPoint(answer: Answer, view: string, label: number, row: number, formats: Formats, group = 0): Behind | undefined {
  switch (answer.kind) {
    case 'trends': {
      const [series, bucket] = [answer.series[row], answer.buckets[label]];
      if (!series || !bucket || answer.question.formulas?.some((f) => f.id === series.id)) return undefined;
      return {
        cell: { series: series.id, bucket: bucket.start, ...of(series.breakdown) },
        title: words(seriesName(answer, row, formats), bucketName(bucket, answer.interval, formats)),
      };
    }
    case 'lifecycle': {
      const [bucket, state] = [answer.buckets[label], states[row]];
      const part = answer.groups?.[group - 1]?.breakdown;
      return bucket && state && {
        cell: { bucket: bucket.start, state, ...of(part) },
        title: words(capital(state), groupName(answer, part, formats), bucketName(bucket, answer.interval, formats)),
      };
    }
    case 'stickiness': {
      const part = answer.groups?.[row]?.breakdown;
      const day = answer.days?.[label];
      if (day && part) {
        return { cell: { day: day.start, of: 'day', ...of(part) }, title: words('Active on the day', groupName(answer, part, formats), bucketName(day, 'day', formats)) };
      }
      if (day) return { cell: { day: day.start, of: 'day' }, title: words('Active on the day', bucketName(day, 'day', formats)) };
      const window = part ? answer.groups?.[row]?.windows?.at(-1) : answer.windows?.[row];
      const more = answer.question.mode === 'cumulative' ? ' or more' : '';
      return window && {
        cell: { window: window.start, intervals: label + 1, ...of(part) },
        title: words(`Active on ${label + 1}${more} ${answer.interval}${label === 0 ? '' : 's'}`, groupName(answer, part, formats)),
      };
    }
    case 'sessions': {
      const [group, bucket] = [answer.groups[row], answer.buckets[label]];
      return group && bucket && {
        cell: { bucket: bucket.start, ...of(group.breakdown), ...(view === 'bounce' ? { bounced: true } : {}) },
        title: words(view === 'bounce' ? 'Bounces' : 'Sessions', groupName(answer, group.breakdown, formats), bucketName(bucket, answer.interval, formats)),
      };
    }
    case 'funnel': {
      const group = answer.groups[row];
      const point = group?.trend?.[label];
      if (group && point) {
        const at = bucketName(point, answer.question.interval ?? 'day', formats);
        return { cell: { bucket: point.start, state: 'converted', ...of(group.breakdown) }, title: words('Converted', groupName(answer, group.breakdown, formats), at) };
      }
      if (answer.groups[0]?.time_to_convert) return { cell: { bin: label, ...of(answer.groups[0].breakdown) }, title: 'Converted in this time' };
      return undefined;
    }
    default:
      return undefined;
  }
}

/** Who is behind the number of a line for the whole range. */
export function behindTotal(answer: Answer, row: number, formats: Formats): Behind | undefined {
  const found = answer.kind === 'trends' ? behindPoint(answer, '', 0, row, formats) : undefined;
  if (!found) return undefined;
  const cell = Object.fromEntries(Object.entries(found.cell).filter(([name]) => name !== 'bucket'));
  return { cell, title: seriesName(answer as TrendsAnswer, row, formats) };
}

/** Who reached a step of a funnel, or stopped there. Steps count from 0 here. */
export function behindStep(answer: Answer, step: number, group: number, stopped: boolean, formats: Formats): Behind | undefined {
  const found = answer.kind === 'funnel' ? answer.groups[group] : undefined;
  if (!found || answer.kind !== 'funnel') return undefined;
  const label = `${step + 1}. ${found.steps[step]?.label ?? ''}`;
  return {
    cell: { step: step + 1, ...(stopped ? { state: 'stopped_here' } : {}), ...of(found.breakdown) },
    title: words(stopped ? `Came to ${label}, and no farther` : `Reached ${label}`, groupName(answer, found.breakdown, formats)),
  };
}

/** Who is in a cell of a retention's table. */
export function behindCell(answer: Answer, table: number, cohort: number, column: number, formats: Formats): Behind | undefined {
  if (answer.kind !== 'retention') return undefined;
  const [found, offset] = [answer.tables[table], answer.columns[column]];
  const row = found?.cohorts[cohort];
  if (!found || !row || !offset) return undefined;
  return {
    cell: { cohort: row.start, column, ...of(found.breakdown) },
    title: words('Came back', offsetName(answer.interval, offset.from, offset.to), bucketName(row, answer.interval, formats), groupName(answer, found.breakdown, formats)),
  };
}

/** Who is at a node of paths; the step is that of the answer. */
export function behindNode(answer: Answer, step: number, node: number): Behind | undefined {
  const found = answer.kind === 'paths' ? answer.layers.find((l) => l.step === step)?.nodes[node] : undefined;
  return found && { cell: { step, node: { sort: found.sort, ...(found.sort === 'value' ? { value: found.value } : {}) } }, title: `Step ${step} · ${nodeName(found)}` };
}

/** Who is behind a number of the table that tables.ts makes. */
export function behindTable(answer: Answer, view: string, row: number, column: number, formats: Formats): Behind | undefined {
  switch (answer.kind) {
    case 'trends': {
      let at = 1;
      for (const [i, series] of answer.series.entries()) {
        const compared = series.compare !== undefined;
        if (column === at || (compared && column === at + 1)) {
          const found = behindPoint(answer, view, Math.min(row, answer.buckets.length - 1), i, formats);
          if (!found) return undefined;
          if (row >= answer.buckets.length) {
            delete found.cell.bucket;
            found.title = seriesName(answer, i, formats);
          }
          return column === at ? found : { cell: { ...found.cell, compare: true }, title: `${found.title}, before` };
        }
        at += compared ? 2 : 1;
      }
      return undefined;
    }
    case 'lifecycle': {
      if (answer.groups?.length) return undefined;
      if (column === 1) {
        const bucket = answer.buckets[row];
        return bucket && { cell: { bucket: bucket.start, state: 'active' }, title: words('Active', bucketName(bucket, answer.interval, formats)) };
      }
      return column < 6 ? behindPoint(answer, view, row, column - 2, formats) : undefined;
    }
    case 'stickiness':
      return !answer.groups?.length && answer.windows?.length === 1 && column === 1 ? behindPoint(answer, view, row, 0, formats) : undefined;
    case 'sessions':
      return answer.groups.length === 1 && !answer.groups[0]!.breakdown && column === 1 ? behindPoint(answer, '', row, 0, formats) : undefined;
    default:
      return undefined;
  }
}
