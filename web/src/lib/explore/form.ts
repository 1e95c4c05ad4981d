// What the builder holds while somebody works on a question: words as they are typed, and rows that are not finished.
// question.ts makes a question of it, read.ts makes it of a question.
import { specOf, type Kind } from './kinds';

/** One comparison. `property` is a reference as property.ts writes it. */
export type FilterRow = { property: string; op: string; value: string };

export type FilterGroup = { join: 'and' | 'or'; rows: (FilterRow | FilterGroup)[] };

export type Selection = { events: string[]; where: FilterGroup };

export type Series = Selection & { aggregate: string; property: string; label: string; clock: string };

export type Step = Selection & { label: string; window: string; optional: boolean; anchored: boolean };

export type Exclusion = Selection & { from: string; to: string };

/** One more number of every session: how many such events it has, or with a property what they add up to. */
export type Measure = Selection & { property: string; label: string };

/** A property that splits the answer; `groups` are edges ("10, 20, 50") or a number of groups of equal size ("4"). */
export type Split = { property: string; groups: string };

export type Form = {
  kind: Kind;
  view: string;
  /** A word such as "-7d", or "custom" with the days in from and to. */
  range: string;
  from: string;
  to: string;
  where: FilterGroup;
  series: Series[];
  formulas: { expression: string; label: string }[];
  steps: Step[];
  exclusions: Exclusion[];
  measures: Measure[];
  selections: Record<string, Selection>;
  splits: Split[];
  hold: string[];
  /** The values of the kind's options; what is as usual is ''. */
  options: Record<string, string>;
  /** The values of those options that are several events or properties. */
  lists: Record<string, string[]>;
  /** Fields that the builder has no control for; they stay in the question as they came. */
  extra: Record<string, unknown>;
};

export const noFilter = (): FilterGroup => ({ join: 'and', rows: [] });
export const anyEvent = (): Selection => ({ events: [], where: noFilter() });
export const newSeries = (): Series => ({ ...anyEvent(), aggregate: 'total', property: '', label: '', clock: '' });
export const newStep = (): Step => ({ ...anyEvent(), label: '', window: '', optional: false, anchored: false });
export const newMeasure = (): Measure => ({ ...anyEvent(), property: '', label: '' });
export const newExclusion = (): Exclusion => ({ ...anyEvent(), from: '', to: '' });

export function isGroup(row: FilterRow | FilterGroup): row is FilterGroup {
  return 'rows' in row;
}

/** An empty form for a kind of question. */
export function blank(kind: Kind): Form {
  return {
    kind,
    view: '',
    range: kind === 'trends' || kind === 'paths' ? '-7d' : '-30d',
    from: '',
    to: '',
    where: noFilter(),
    series: kind === 'trends' ? [newSeries()] : [],
    formulas: [],
    steps: kind === 'funnel' ? [newStep(), newStep()] : [],
    exclusions: [],
    measures: [],
    selections: Object.fromEntries(specOf(kind).selections.map(({ name }) => [name, anyEvent()])),
    splits: [],
    hold: [],
    options: {},
    lists: Object.fromEntries(specOf(kind).options.flatMap((field) => (field.input === 'list' ? [[field.name, []]] : []))),
    extra: {},
  };
}

/** Another kind of question about the same time and the same people. */
export function change(form: Form, kind: Kind): Form {
  const next = { ...blank(kind), where: form.where, splits: form.splits };
  const events = [...form.series, ...form.steps, ...Object.values(form.selections)].filter((s) => s.events.length > 0);
  if (kind === 'trends' && events[0]) next.series = [{ ...newSeries(), events: events[0].events, where: events[0].where }];
  if (kind === 'funnel' && events.length > 0) {
    next.steps = events.map((s) => ({ ...newStep(), events: s.events, where: s.where }));
    if (next.steps.length === 1) next.steps.push(newStep());
  }
  const main = { retention: 'start', lifecycle: 'active', stickiness: 'active', paths: 'from', sessions: 'holding' }[kind as string];
  if (main && events[0] && kind !== 'sessions') next.selections[main] = { events: events[0].events, where: events[0].where };
  if (form.range === 'custom') return { ...next, range: 'custom', from: form.from, to: form.to };
  return next;
}
