// What was changed in a question, in words.
import type { Form } from './form';
import { specOf } from './kinds';

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** What differs between two forms, in a few words. */
export function difference(a: Form, b: Form): string {
  if (a.kind !== b.kind) return `kind: ${specOf(b.kind).label}`;
  return (
    parts('series', a.series, b.series) ||
    parts('formula', a.formulas, b.formulas) ||
    parts('step', a.steps, b.steps) ||
    parts('exclusion', a.exclusions, b.exclusions) ||
    parts('measure', a.measures, b.measures) ||
    selections(a, b) ||
    parts('held property', a.hold, b.hold) ||
    parts('breakdown', a.splits, b.splits) ||
    (same(a.where, b.where) ? '' : 'filter for all') ||
    (same([a.range, a.from, a.to], [b.range, b.from, b.to]) ? '' : 'range') ||
    options(a, b) ||
    (a.view === b.view ? 'change' : 'picture')
  );
}

/** What differs between two lists of equal things. */
function parts(name: string, a: unknown[], b: unknown[]): string {
  if (same(a, b)) return '';
  if (b.length > a.length) return `${name} added`;
  if (b.length < a.length) return `${name} removed`;
  const sorted = (list: unknown[]) => list.map((part) => JSON.stringify(part)).sort();
  if (same(sorted(a), sorted(b))) return `${name} moved`;
  const i = a.findIndex((part, k) => !same(part, b[k]));
  return `${field(a[i], b[i], name)}${a.length > 1 ? ` ${i + 1}` : ''}`;
}

const fields: Record<string, string> = { events: 'event', where: 'filter', aggregate: 'number shown', property: 'property', label: 'name', window: 'window' };

/** Which field of a part differs, with the part's name behind it. */
function field(a: unknown, b: unknown, name: string): string {
  if (!a || !b || typeof a !== 'object' || typeof b !== 'object') return name;
  const key = Object.keys(b).find((k) => !same((a as Record<string, unknown>)[k], (b as Record<string, unknown>)[k])) ?? '';
  const word = fields[key];
  return word && name !== 'breakdown' ? `${word} of ${name}` : name;
}

function selections(a: Form, b: Form): string {
  for (const { name, label } of specOf(b.kind).selections) {
    if (same(a.selections[name], b.selections[name])) continue;
    return same(a.selections[name]?.events, b.selections[name]?.events) ? `filter: ${label}` : `event: ${label}`;
  }
  return '';
}

function options(a: Form, b: Form): string {
  for (const name of new Set([...Object.keys(a.options), ...Object.keys(b.options)])) {
    if ((a.options[name] ?? '') === (b.options[name] ?? '')) continue;
    if (name === 'interval' || name === 'compare') return name === 'interval' ? 'interval' : 'comparison';
    return `option: ${specOf(b.kind).options.find((option) => option.name === name)?.label ?? name}`;
  }
  for (const name of Object.keys(b.lists)) {
    if (!same(a.lists[name], b.lists[name])) return `option: ${specOf(b.kind).options.find((option) => option.name === name)?.label ?? name}`;
  }
  return same(a.extra, b.extra) ? '' : 'option';
}
