// From a question to the builder's form. Questions come out of addresses and from the server; whoever wrote one may have
// been careless or worse: what is of no use here is left out, what has no control stays as it is.
import { aggregates, ops } from '../catalogue';
import {
  blank,
  noFilter,
  type Exclusion,
  type FilterGroup,
  type FilterRow,
  type Form,
  type Measure,
  type Selection,
  type Series,
  type Split,
  type Step,
} from './form';
import { isKind, specOf } from './kinds';
import { viewsOf } from './measures';
import { reference } from './property';
import { automatic } from './question';

type Plain = Record<string, unknown>;

const plain = (value: unknown): Plain => (value && typeof value === 'object' && !Array.isArray(value) ? (value as Plain) : {});
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value.slice(0, 100) : []);
const text = (value: unknown): string =>
  typeof value === 'string' ? value.slice(0, 500) : typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';

export function read(value: unknown, view: string): Form {
  const q = plain(value);
  const kind = isKind(q.kind) ? q.kind : 'trends';
  const spec = specOf(kind);
  const form = blank(kind);
  const known = new Set(['kind', 'range', 'where', 'series', 'formulas', 'steps', 'exclusions', 'hold', 'breakdown', 'interval', 'compare', 'show', 'measures']);
  if (kind === 'sessions') form.measures = list(q.measures).map(measure);
  form.view = viewsOf(form).some((v) => v.value === view) ? view : '';
  if (kind === 'funnel' && q.show && q.show !== 'steps') form.view = text(q.show);
  if (kind === 'sessions' && q.show === 'duration') form.view = 'duration';
  Object.assign(form, readRange(plain(q.range)));
  form.where = readFilter(q.where);
  for (const { name } of spec.selections) {
    known.add(name);
    if (q[name] !== undefined) form.selections[name] = readSelection(q[name]);
  }
  if (list(q.series).length > 0) form.series = list(q.series).map(series);
  if (kind !== 'trends') form.series = [];
  form.formulas = list(q.formulas).map((f) => ({ expression: text(plain(f).expression), label: text(plain(f).label) }));
  for (const f of form.formulas) if (f.label === f.expression) f.label = '';
  if (list(q.steps).length > 0 && kind === 'funnel') form.steps = list(q.steps).map(step);
  form.exclusions = list(q.exclusions).map(exclusion);
  form.hold = list(q.hold).map(property).filter((p) => p);
  form.splits = spec.split ? list(q.breakdown).slice(0, 3).map(split) : [];
  for (const field of spec.options) {
    const [name, inner] = field.name.split('.') as [string, string?];
    known.add(name);
    const given = inner ? plain(q[name])[inner] : q[name];
    if (field.input === 'list') form.lists[field.name] = list(given).map(field.of === 'property' ? property : text).filter((part) => part);
    else if (field.input === 'brackets') form.options[field.name] = list(given).map(bracket).join(', ');
    else if (field.input === 'property') form.options[field.name] = property(given);
    else if (field.input === 'flag') form.options[field.name] = given === true ? 'true' : '';
    else if (Array.isArray(given)) form.options[field.name] = given.map(text).join(', ');
    else form.options[field.name] = text(given);
  }
  // Brackets alone say the type.
  if (form.options.brackets && !form.options.type) form.options.type = 'brackets';
  form.options.interval = text(q.interval);
  if (kind === 'trends' && q.interval === automatic(form)) form.options.interval = '';
  form.options.compare = text(q.compare);
  usual(form);
  for (const [name, given] of Object.entries(q)) if (!known.has(name)) form.extra[name] = given;
  return form;
}

/** The words that mean the same as leaving the field out, unless the rules are another vendor's. */
const usualWords: Record<string, string[]> = {
  breakdown_limit: ['8'], interval: ['day'], order: ['sequential'], unit: ['person', 'actors'], entry: ['best'], within: ['entry'],
  exclusion_effect: ['stop_here'], tie: ['0s'], cohort: ['first_in_range'], type: ['on'], clock: ['calendar'], zero: ['all'],
  attribution: ['first_step', 'start', 'first_event'], new_by: ['active'], mode: ['exact'], times: ['1'], days: ['30'],
  signed_out: ['next_user'], by: ['client'], midnight: ['continue'], visible: ['actions'], hold_counts: ['unit'],
};

/** Leaves out what is as usual, so that the controls show it so. */
function usual(form: Form): void {
  if (form.options.preset) return;
  for (const [name, words] of Object.entries(usualWords)) {
    if (form.kind === 'trends' && name === 'interval') continue;
    if (words.includes(form.options[name] ?? '')) form.options[name] = '';
  }
}

/** The words of a range for a form; undefined for one that a form has no words for. */
export function readRange(given: Plain): Pick<Form, 'range' | 'from' | 'to'> | undefined {
  const day = /^\d{4}-\d{2}-\d{2}$/;
  const [from, to] = [text(given.from), text(given.to)];
  if (day.test(from) && day.test(to)) {
    const last = new Date(`${to}T00:00:00Z`);
    last.setUTCDate(last.getUTCDate() - 1);
    return { range: 'custom', from, to: last.toISOString().slice(0, 10) };
  }
  return /^[\w-]{1,20}$/.test(from) ? { range: from, from: '', to: '' } : undefined;
}

function property(value: unknown): string {
  const p = plain(value);
  if (text(p.cohort)) return `cohort:${text(p.cohort)}`;
  return text(p.property) ? reference(text(p.property), text(p.of), text(p.at), text(p.as)) : '';
}

export function readSelection(value: unknown): Selection {
  return { events: list(plain(value).events).map(text).filter((e) => e), where: readFilter(plain(value).where) };
}

function series(value: unknown): Series {
  const s = plain(value);
  const aggregate = aggregates.some((a) => a.value === s.aggregate) ? text(s.aggregate) : 'total';
  const clock = s.clock === 'calendar' ? 'calendar' : '';
  return { ...readSelection(s), aggregate, property: property({ property: s.property, as: s.as }), label: text(s.label), clock };
}

function step(value: unknown): Step {
  const s = plain(value);
  return { ...readSelection(s), label: text(s.label), window: text(s.window), optional: s.optional === true, anchored: s.anchored === true };
}

function exclusion(value: unknown): Exclusion {
  const e = plain(value);
  return { ...readSelection(e), from: text(e.from), to: text(e.to) };
}

function measure(value: unknown): Measure {
  const m = plain(value);
  return { ...readSelection(m), property: property({ property: m.property, as: m.as }), label: text(m.label) };
}

function bracket(value: unknown): string {
  const { from, to } = plain(value);
  return text(from) === text(to) ? text(from) : `${text(from)}-${text(to)}`;
}

function split(value: unknown): Split {
  const s = plain(value);
  return { property: property(s), groups: list(s.edges).map(text).join(', ') || text(s.quantiles) };
}

/** The rows of a filter. */
export function readFilter(value: unknown, depth = 0): FilterGroup {
  if (value === undefined || depth > 8) return noFilter();
  const f = plain(value);
  for (const join of ['and', 'or'] as const) {
    if (Array.isArray(f[join])) return { join, rows: list(f[join]).flatMap((part) => rowOf(part, depth)) };
  }
  return { join: 'and', rows: rowOf(f, depth) };
}

function rowOf(value: unknown, depth: number): (FilterRow | FilterGroup)[] {
  const f = plain(value);
  if (Array.isArray(f.and) || Array.isArray(f.or)) return [readFilter(f, depth + 1)];
  if (!ops.some((o) => o.value === f.op) || !property(f)) return [];
  const given = Array.isArray(f.value) ? f.value.map(text).join(', ') : text(f.value);
  return [{ property: property(f), op: text(f.op), value: given }];
}
