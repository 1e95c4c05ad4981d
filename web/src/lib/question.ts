// From the form to the question, and from the form to the address and back.
import { aggregates, comparisons, intervals, needsProperty, ops, takes } from './catalogue';
import type { Condition, Filter, Question, Scalar } from './types';

export type FilterRow = { property: string; op: string; value: string };

/** What the form holds. Everything but the filters is one word. */
export type Form = {
  event: string;
  aggregate: string;
  property: string;
  breakdown: string;
  range: string;
  from: string;
  to: string;
  interval: string;
  compare: string;
  view: 'line' | 'bar' | 'table';
  filters: FilterRow[];
};

export const blank: Form = {
  event: '',
  aggregate: 'total',
  property: '',
  breakdown: '',
  range: '-7d',
  from: '',
  to: '',
  interval: '',
  compare: '',
  view: 'line',
  filters: [],
};

/** Looks up the types a property was seen with. */
export type Types = (property: string) => string[];

const textual = new Set(['contains', 'not_contains', 'starts_with', 'ends_with', 'regex', 'before', 'after']);
const numeric = new Set(['gt', 'gte', 'lt', 'lte']);

/** Says what is still needed before the question can be asked; empty when nothing is. */
export function incomplete(form: Form): string {
  if (needsProperty(form.aggregate) && !form.property) return 'Choose the property to calculate with.';
  if (form.range === 'custom' && (!form.from || !form.to)) return 'Choose the first and the last day.';
  return '';
}

export function question(form: Form, types: Types): Question {
  const filters = form.filters.filter(usable).map((row) => condition(row, types(row.property)));
  const built: Question = {
    kind: 'trends',
    range: range(form),
    interval: form.interval || automatic(form),
    series: [{ id: 'A', aggregate: form.aggregate }],
  };
  const series = built.series[0]!;
  if (form.event) series.events = [form.event];
  if (needsProperty(form.aggregate)) series.property = form.property;
  const where = all(filters);
  if (where) built.where = where;
  if (form.breakdown) {
    built.breakdown = [{ property: form.breakdown }];
    built.breakdown_limit = 8;
  }
  if (form.compare) built.compare = form.compare;
  return built;
}

function range(form: Form): Question['range'] {
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
export function automatic(form: Form): string {
  if (form.range === 'custom') {
    const days = (Date.parse(form.to) - Date.parse(form.from)) / 86_400_000 + 1;
    return days <= 3 ? 'hour' : days <= 120 ? 'day' : days <= 800 ? 'week' : 'month';
  }
  if (/min$/.test(form.range)) return 'minute';
  if (/^(-\d+h|today|yesterday)$/.test(form.range)) return 'hour';
  if (/^(-\d+[my]|all|\w+_year)$/.test(form.range)) return 'month';
  return 'day';
}

/** A row without a property or a value that its operator needs is still being written. */
export function usable(row: FilterRow): boolean {
  return row.property !== '' && (takes(row.op) === 'none' || row.value.trim() !== '');
}

function all(conditions: Condition[]): Filter | undefined {
  return conditions.length > 1 ? { and: conditions } : conditions[0];
}

function condition(row: FilterRow, types: string[]): Condition {
  const base = { property: row.property, op: row.op };
  switch (takes(row.op)) {
    case 'none':
      return base;
    case 'list':
      return { ...base, value: split(row.value).map((text) => scalar(text, row.op, types)) };
    default:
      return { ...base, value: scalar(row.value.trim(), row.op, types) };
  }
}

function split(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** "10" is a number when it is compared as one, or when the property was only ever a number. */
function scalar(text: string, op: string, types: string[]): Scalar {
  if (textual.has(op)) return text;
  const only = types.length === 1 ? types[0] : '';
  if (only === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  const maybe = numeric.has(op) || op === 'between' || only === 'number';
  return maybe && text !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

const words: Record<Exclude<keyof Form, 'filters'>, string> = {
  event: 'event',
  aggregate: 'show',
  property: 'of',
  breakdown: 'by',
  range: 'range',
  from: 'from',
  to: 'to',
  interval: 'interval',
  compare: 'compare',
  view: 'view',
};

/** Writes the form as an address query; what is as usual is left out. The project is kept when it is named. */
export function encode(form: Form, project?: number): string {
  const query = new URLSearchParams();
  if (project !== undefined) query.set('project', String(project));
  for (const [field, word] of Object.entries(words) as [keyof typeof words, string][]) {
    if (form[field] !== blank[field]) query.set(word, form[field]);
  }
  for (const row of form.filters.filter(usable)) query.append('where', JSON.stringify([row.property, row.op, row.value]));
  return query.toString();
}

/** Reads an address query. Whoever wrote it may have been careless or worse: what is not understood is left out. */
export function decode(text: string): Form {
  const query = new URLSearchParams(text);
  const form: Form = { ...blank, filters: [] };
  const word = (name: keyof typeof words) => (query.get(words[name]) ?? '').slice(0, 300);
  const among = (name: keyof typeof words, choices: { value: string }[], usual: string) =>
    choices.some((c) => c.value === word(name)) ? word(name) : usual;
  form.event = word('event');
  form.property = word('property');
  form.breakdown = word('breakdown');
  form.aggregate = among('aggregate', aggregates, blank.aggregate);
  form.range = /^[\w-]{1,20}$/.test(word('range')) ? word('range') : blank.range;
  form.from = day(word('from'));
  form.to = day(word('to'));
  form.interval = among('interval', intervals, '');
  form.compare = among('compare', comparisons, '');
  form.view = among('view', [{ value: 'line' }, { value: 'bar' }, { value: 'table' }], 'line') as Form['view'];
  form.filters = query.getAll('where').slice(0, 20).flatMap(filter);
  return form;
}

function day(text: string): string {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) ? text : '';
}

function filter(text: string): FilterRow[] {
  try {
    const row: unknown = JSON.parse(text);
    if (!Array.isArray(row) || row.length !== 3 || !row.every((part) => typeof part === 'string')) return [];
    const [property, op, value] = row as [string, string, string];
    return ops.some((o) => o.value === op) ? [{ property, op, value }] : [];
  } catch {
    return [];
  }
}

/** The project named in an address. */
export function projectIn(text: string): number | undefined {
  const id = new URLSearchParams(text).get('project') ?? '';
  return /^\d{1,10}$/.test(id) ? Number(id) : undefined;
}

/** The request as a command for a shell, with a place for the key. */
export function curl(origin: string, path: string, body: unknown): string {
  const json = JSON.stringify(body, null, 2).replaceAll("'", `'\\''`);
  return `curl '${origin}${path}' \\\n  -H "Authorization: Bearer $FRESHET_KEY" \\\n  -H 'Content-Type: application/json' \\\n  -d '${json}'`;
}
