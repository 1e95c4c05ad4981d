// From the builder's form to a definition, and back from any definition.
import { anyEvent } from '../explore/form';
import { filter, rangeOf, selectionOf, type Types } from '../explore/question';
import { readFilter, readRange, readSelection } from '../explore/read';
import type { CohortCell, CohortDefinition, Range } from '../openapi';
import { always, newGroup, type Did, type Group, type ListOf, type Part, type When } from './form';

type Plain = Record<string, unknown>;

const plain = (value: unknown): Plain => (value && typeof value === 'object' && !Array.isArray(value) ? (value as Plain) : {});
const listed = ['user_ids', 'anonymous_ids', 'persons'] as const;

/** As many ids as the server takes in one list. */
export const mostIds = 50_000;

/** The definition of a form; undefined while nothing of it is finished. What is not finished is left out. */
export function definition(part: Part, types: Types): CohortDefinition | undefined {
  const found = plainOf(part, types);
  return found && part.not ? { not: found } : found;
}

function plainOf(part: Part, types: Types): CohortDefinition | undefined {
  switch (part.type) {
    case 'group': {
      const parts = part.parts.flatMap((p) => definition(p, types) ?? []);
      return parts.length < 2 ? parts[0] : { [part.join]: parts };
    }
    case 'did':
      return { did: { ...selectionOf(part.did, types), ...during(part.when), ...times(part) } };
    case 'sequence':
      return part.steps.some((s) => s.events.length > 0)
        ? { sequence: { steps: part.steps.map((s) => selectionOf(s, types)), ...(part.window.trim() ? { window: part.window.trim() } : {}), ...during(part.when) } }
        : undefined;
    case 'property': {
      const where = filter(part.where, types);
      return where && { property: where };
    }
    case 'list': {
      const ids = idsIn(part.ids);
      return ids.length > 0 ? { list: { [part.of]: ids } } : undefined;
    }
    case 'cell':
      return { cell: part.cell };
    case 'cohort':
      return part.id ? { cohort: part.id } : undefined;
  }
}

function times(part: Did): object {
  if (part.often === 'first_time') return { first_time: true };
  const count = Number(part.times);
  return part.often && part.times.trim() !== '' && Number.isInteger(count) ? { [part.often]: count } : {};
}

function during(when: When): object {
  if (!when.range || (when.range === 'custom' && (!when.from || !when.to))) return {};
  return { range: when.kept ?? rangeOf(when) };
}

/** The ids of a pasted text or file: one a line, or separated by commas, with or without quotation marks; each once. */
export function idsIn(text: string): string[] {
  const parts = text.split(/[\r\n,;\t]+/).map((part) => part.trim().replace(/^"(.*)"$/, '$1'));
  return [...new Set(parts.filter((part) => part !== ''))];
}

/** Reads a definition into a group, which is what the builder begins with. What cannot be read is an empty group. */
export function readDefinition(value: unknown): Group {
  const part = read(value, 0);
  if (!part) return { ...newGroup(), parts: [] };
  return part.type === 'group' && !part.not ? part : { ...newGroup(), parts: [part] };
}

function read(value: unknown, depth: number): Part | undefined {
  const d = plain(value);
  if (depth > 16) return undefined;
  if (d.not !== undefined) {
    const part = read(d.not, depth + 1);
    // Not twice is not at all.
    return part && { ...part, not: !part.not };
  }
  for (const join of ['and', 'or'] as const) {
    const parts = d[join];
    if (Array.isArray(parts)) return { type: 'group', not: false, join, parts: parts.slice(0, 100).flatMap((p) => read(p, depth + 1) ?? []) };
  }
  if (d.did !== undefined) return readDid(plain(d.did));
  if (d.sequence !== undefined) return readSequence(plain(d.sequence));
  if (d.property !== undefined) return { type: 'property', not: false, where: readFilter(d.property) };
  if (d.list !== undefined) return readList(plain(d.list));
  if (d.cell !== undefined) return { type: 'cell', not: false, cell: d.cell as CohortCell };
  if (typeof d.cohort === 'string') return { type: 'cohort', not: false, id: d.cohort };
  return undefined;
}

function readDid(d: Plain): Part {
  const bound = (['at_least', 'exactly', 'at_most'] as const).find((name) => d[name] !== undefined);
  const often = d.first_time === true ? 'first_time' : (bound ?? '');
  const times = bound ? String(d[bound]) : '';
  const both = bound === 'at_least' && d.at_most !== undefined;
  const did: Did = { type: 'did', not: false, did: readSelection(d), often, times, when: whenOf(d.range) };
  if (!both) return did;
  return { type: 'group', not: false, join: 'and', parts: [did, { ...did, often: 'at_most', times: String(d.at_most) }] };
}

function readSequence(d: Plain): Part {
  const steps = Array.isArray(d.steps) ? d.steps.slice(0, 20).map(readSelection) : [anyEvent()];
  return { type: 'sequence', not: false, steps, window: typeof d.window === 'string' ? d.window : '', when: whenOf(d.range) };
}

function readList(d: Plain): Part {
  const parts = listed.flatMap((of: ListOf): Part[] => {
    const ids = d[of];
    return Array.isArray(ids) && ids.length > 0 ? [{ type: 'list', not: false, of, ids: ids.map(String).join('\n') }] : [];
  });
  return parts.length === 1 ? parts[0]! : { type: 'group', not: false, join: 'or', parts };
}

function whenOf(value: unknown): When {
  const given = plain(value) as Range;
  if (!given.from && !given.to) return always();
  const read = readRange(given as Plain);
  const means = read && rangeOf(read);
  if (read && means?.from === given.from && (means?.to ?? 'now') === (given.to ?? 'now')) return read;
  return { range: 'kept', from: '', to: '', kept: given };
}
