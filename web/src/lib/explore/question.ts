// From the builder's form to the question.
import { needsProperty, takes } from '../catalogue';
import type { Filter, PathsFunnel, PropertyRef, Range } from '../openapi';
import { isGroup, type FilterGroup, type FilterRow, type Form, type Selection } from './form';
import { specOf, type Field } from './kinds';
import { isCohort, resolve } from './property';

export type Question = { kind: string } & Record<string, unknown>;

/** Looks up the types that a property of events, or of "person", was seen with. */
export type Types = (property: string, of?: string) => string[];

/** Says what is still needed before the question can be asked; empty when nothing is. */
export function incomplete(form: Form): string {
  if (form.range === 'custom' && (!form.from || !form.to)) return 'Choose the first and the last day.';
  if (form.series.some((s) => needsProperty(s.aggregate) && !s.property)) return 'Choose the property to calculate with.';
  if (form.kind === 'trends' && form.series.length === 0) return 'Add a series.';
  if (form.kind === 'funnel' && form.steps.length === 0) return 'Add a step.';
  if (form.kind === 'funnel' && form.steps.every((s) => s.events.length === 0)) return 'Choose the events of the steps.';
  if (form.kind === 'funnel' && form.options.unit === 'expression' && !form.lists.unit_by?.some((p) => p)) return 'Choose the property whose values are counted.';
  if (form.kind === 'funnel' && form.options.attribution === 'step' && !form.options.attribution_step && form.splits.some((s) => s.property)) {
    return 'Choose the step at which the value of the breakdown is taken.';
  }
  return '';
}

export function question(form: Form, types: Types): Question {
  const spec = specOf(form.kind);
  const built: Question = { ...form.extra, kind: form.kind, range: rangeOf(form) };
  for (const { name } of spec.selections) {
    const wanted = form.selections[name];
    if (wanted && (wanted.events.length > 0 || filter(wanted.where, types))) built[name] = selectionOf(wanted, types);
  }
  if (form.kind === 'trends') trends(form, built, types);
  if (form.kind === 'funnel') funnel(form, built, types);
  if (form.kind === 'sessions') sessions(form, built, types);
  if (form.kind === 'paths' && built.funnel) built.funnel = ofRange(built.funnel as PathsFunnel);
  options(form, built);
  const where = filter(form.where, types);
  if (where) built.where = where;
  const splits = spec.split ? form.splits.filter((s) => s.property) : [];
  if (splits.length > 0) {
    built.breakdown = splits.map((s) => ({ ...resolve(s.property), ...groups(s.groups) }));
    built.breakdown_limit ??= 8;
  } else delete built.breakdown_limit;
  return built;
}

/** A question over another range, one of the words for it; all else stays as it was saved, but what has to be as wide as the range. */
export function over(asked: Question, range: string): Question {
  const words = { range, from: '', to: '' };
  return {
    ...asked,
    range: rangeOf(words),
    // Hours of a year are too many, a day of an hour is one number.
    ...((asked.kind ?? 'trends') === 'trends' ? { interval: automatic(words) } : {}),
    ...(asked.kind === 'paths' && asked.funnel ? { funnel: ofRange(asked.funnel as PathsFunnel) } : {}),
  };
}

/** A funnel of paths has their range. */
function ofRange(funnel: PathsFunnel): Omit<PathsFunnel, 'question'> & { question: object } {
  const rest: Partial<PathsFunnel['question']> = { ...funnel.question };
  delete rest.range;
  return { ...funnel, question: rest };
}

function measured(reference: string) {
  const { property, as } = resolve(reference);
  return { property, ...(as ? { as } : {}) };
}

function trends(form: Form, built: Question, types: Types): void {
  built.interval = form.options.interval || automatic(form);
  built.series = form.series.map((s, i) => ({
    id: letter(i),
    ...(s.label ? { label: s.label } : {}),
    ...selectionOf(s, types),
    aggregate: s.aggregate,
    ...(s.clock && ['wau', 'mau'].includes(s.aggregate) ? { clock: s.clock } : {}),
    ...(needsProperty(s.aggregate) ? measured(s.property) : {}),
  }));
  const formulas = form.formulas.filter((f) => f.expression.trim());
  if (formulas.length > 0) {
    built.formulas = formulas.map((f, i) => ({
      id: letter(form.series.length + i),
      label: f.label || f.expression,
      expression: f.expression,
    }));
  }
}

export function letter(i: number): string {
  return String.fromCharCode(65 + i);
}

/** Whether a step may have a window beside that of the whole. */
export function ownWindow({ steps, options }: Form, step: number): boolean {
  return step > 0 && !steps[step]?.optional && options.order !== 'any';
}

function funnel(form: Form, built: Question, types: Types): void {
  built.steps = form.steps.map((s, i) => ({
    ...selectionOf(s, types),
    ...(s.label ? { label: s.label } : {}),
    ...(s.window && ownWindow(form, i) ? { window: s.window } : {}),
    ...(s.optional ? { optional: true } : {}),
    ...(s.anchored && form.options.order === 'any' ? { anchored: true } : {}),
  }));
  if (form.exclusions.length > 0) {
    built.exclusions = form.exclusions.map((e) => ({
      ...selectionOf(e, types),
      ...(e.from ? { from: Number(e.from) } : {}),
      ...(e.to ? { to: Number(e.to) } : {}),
    }));
  }
  const hold = form.hold.filter((p) => p);
  if (hold.length > 0) built.hold = hold.map((p) => resolve(p) as PropertyRef);
  if (['trend', 'time_to_convert', 'window'].includes(form.view)) built.show = form.view;
  if (built.show === 'window' && !form.options.windows) built.windows = ['1h', '1d', '7d', '14d', '30d'];
}

function sessions(form: Form, built: Question, types: Types): void {
  if (form.view === 'duration') built.show = form.view;
  if (form.measures.length === 0) return;
  built.measures = form.measures.map((m) => ({
    ...selectionOf(m, types), ...(m.property ? measured(m.property) : {}), ...(m.label ? { label: m.label } : {}),
  }));
}

/** Options that belong to another picture stay in the form, and out of the question. */
function options(form: Form, built: Question): void {
  for (const field of specOf(form.kind).options) {
    if (field.unless?.(form)) continue;
    const value = valueOf(form, field);
    if (value === undefined) continue;
    const [name, inner] = field.name.split('.') as [string, string?];
    built[name] = inner ? { ...(built[name] as object), [inner]: value } : value;
  }
  const spec = specOf(form.kind);
  if (form.kind !== 'trends' && spec.intervals.length > 0 && form.options.interval) built.interval = form.options.interval;
  if (spec.compare && form.options.compare) built.compare = form.options.compare;
}

/** What an option says; undefined when it is as usual. */
function valueOf(form: Form, field: Field): unknown {
  if (field.input === 'list') {
    const chosen = (form.lists[field.name] ?? []).filter((part) => part);
    if (chosen.length === 0) return undefined;
    return field.of === 'property' ? chosen.map(resolve) : chosen;
  }
  const value = form.options[field.name]?.trim() ?? '';
  if (field.input === 'brackets') return brackets(value || field.usual);
  if (value === '') return undefined;
  if (field.input === 'number' || field.name === 'days') return Number(value);
  if (field.input === 'flag') return true;
  if (field.input === 'property') return resolve(value);
  return field.input === 'text' && field.list ? split(value) : value;
}

/** "0, 1-3" as the server takes it. */
function brackets(text: string): { from: number; to: number }[] {
  return split(text).map((part) => {
    const [from = NaN, to = from] = part.split(/[-–]/).map(Number);
    return { from, to };
  });
}

export function selectionOf(s: Selection, types: Types): { events?: string[]; where?: Filter } {
  const where = filter(s.where, types);
  return { ...(s.events.length > 0 ? { events: s.events } : {}), ...(where ? { where } : {}) };
}

function groups(text: string): { edges?: number[]; quantiles?: number } {
  const numbers = split(text).map(Number).filter(Number.isFinite);
  if (numbers.length > 1) return { edges: numbers };
  return numbers.length === 1 ? { quantiles: numbers[0] } : {};
}

/** The range of a form, or of anything else that has its three words. */
export function rangeOf(form: Pick<Form, 'range' | 'from' | 'to'>): Range {
  // The form's last day is part of the range; the question's end is not.
  if (form.range === 'custom') return { from: form.from, to: dayAfter(form.to) };
  // A word for a time that is over means the whole of it.
  return /^(yesterday|last_\w+)$/.test(form.range) ? { from: form.range } : { from: form.range, to: 'now' };
}

function dayAfter(day: string): string {
  const date = new Date(`${day}T00:00:00Z`);
  if (Number.isNaN(date.getTime())) return day;
  date.setUTCDate(date.getUTCDate() + 1);
  return date.toISOString().slice(0, 10);
}

/** The interval that makes a readable number of buckets. */
export function automatic(form: Pick<Form, 'range' | 'from' | 'to'>): string {
  if (form.range === 'custom') {
    const days = (Date.parse(form.to) - Date.parse(form.from)) / 86_400_000 + 1;
    return days <= 3 ? 'hour' : days <= 120 ? 'day' : days <= 800 ? 'week' : 'month';
  }
  if (/min$/.test(form.range)) return 'minute';
  if (/^(-\d+h|today|yesterday)$/.test(form.range)) return 'hour';
  if (/^(-\d+[my]|all|\w+_year)$/.test(form.range)) return 'month';
  return 'day';
}

const textual = new Set(['contains', 'not_contains', 'starts_with', 'ends_with', 'regex', 'before', 'after']);
const numeric = new Set(['gt', 'gte', 'lt', 'lte']);

/** A row without a property or a value that its operator needs is still being written. */
export function usable(row: FilterRow): boolean {
  return row.property !== '' && (isCohort(row.property) || takes(row.op) === 'none' || row.value.trim() !== '');
}

/** The filter of a group; none when nothing of it is finished. */
export function filter(group: FilterGroup, types: Types): Filter | undefined {
  const parts = group.rows.flatMap((row): Filter[] => {
    if (!isGroup(row)) return usable(row) ? [condition(row, types)] : [];
    const inner = filter(row, types);
    return inner ? [inner] : [];
  });
  if (parts.length < 2) return parts[0];
  return group.join === 'or' ? { or: parts } : { and: parts };
}

function condition(row: FilterRow, types: Types): Filter {
  const property = resolve(row.property);
  if (property.cohort !== undefined) return { cohort: property.cohort, op: row.op === 'not_in' ? 'not_in' : 'in' };
  const seen = property.as ? [property.as] : types(property.property ?? '', property.of);
  const base = { ...property, op: row.op } as Filter;
  switch (takes(row.op)) {
    case 'none':
      return base;
    case 'list':
      return { ...base, value: split(row.value).map((text) => scalar(text, row.op, seen)) };
    default:
      return { ...base, value: scalar(row.value.trim(), row.op, seen) };
  }
}

function split(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** "10" is a number when it is compared as one, or when the property was only ever a number. */
function scalar(text: string, op: string, types: string[]): string | number | boolean {
  if (textual.has(op)) return text;
  const only = types.length === 1 ? types[0] : '';
  if (only === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  const maybe = numeric.has(op) || op === 'between' || only === 'number';
  return maybe && text !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** The request as a command for a shell, with a place for the key. */
export function curl(origin: string, path: string, body: unknown): string {
  const json = JSON.stringify(body, null, 2).replaceAll("'", `'\\''`);
  return `curl '${origin}${path}' \\\n  -H "Authorization: Bearer $FRESHET_KEY" \\\n  -H 'Content-Type: application/json' \\\n  -d '${json}'`;
}
