// What the cohort builder holds while somebody works on a definition. definition.ts makes a definition of it and reads one.
import { anyEvent, noFilter, type FilterGroup, type Selection } from '../explore/form';
import type { CohortCell, Range } from '../openapi';

/**
 * The days of a condition: a word such as "-30d", "custom" with the days in from and to, '' for ever, or "kept" for a range
 * that the builder has no words for, which stays as it came.
 */
export type When = { range: string; from: string; to: string; kept?: Range };

export type Did = { type: 'did'; not: boolean; did: Selection; often: string; times: string; when: When };
export type Sequence = { type: 'sequence'; not: boolean; steps: Selection[]; window: string; when: When };
export type Traits = { type: 'property'; not: boolean; where: FilterGroup };
export type Listed = { type: 'list'; not: boolean; of: ListOf; ids: string };
export type Behind = { type: 'cell'; not: boolean; cell: CohortCell };
export type Other = { type: 'cohort'; not: boolean; id: string };
export type Group = { type: 'group'; not: boolean; join: 'and' | 'or'; parts: Part[] };

export type Part = Did | Sequence | Traits | Listed | Behind | Other | Group;
export type ListOf = 'user_ids' | 'anonymous_ids' | 'persons';

export const always = (): When => ({ range: '', from: '', to: '' });

/** How often is often enough; the first is what goes without a number. */
export const often = [
  { value: '', label: 'at least once' },
  { value: 'at_least', label: 'at least … times' },
  { value: 'exactly', label: 'exactly … times' },
  { value: 'at_most', label: 'at most … times' },
  { value: 'first_time', label: 'for the first time ever' },
];

/** How a part is read aloud, as it is and with the opposite meaning. */
export const says: Record<Part['type'], [string, string]> = {
  did: ['who did', 'who did not do'],
  sequence: ['who did one after the other', 'who did not do one after the other'],
  property: ['whose traits', 'except whose traits'],
  list: ['who are listed', 'who are not listed'],
  cohort: ['who are in', 'who are not in'],
  cell: ['who are behind a number', 'who are not behind a number'],
  group: ['who match', 'who do not match'],
};

/** The parts that can be added, but for those that come from an answer. */
export const kinds: { type: Exclude<Part['type'], 'cell'>; label: string }[] = [
  { type: 'did', label: 'What they did' },
  { type: 'sequence', label: 'A sequence' },
  { type: 'property', label: 'Who they are' },
  { type: 'list', label: 'A list of ids' },
  { type: 'cohort', label: 'Another cohort' },
  { type: 'group', label: 'A group' },
];

export function newPart(type: Exclude<Part['type'], 'cell'>): Part {
  switch (type) {
    case 'did':
      return { type, not: false, did: anyEvent(), often: '', times: '', when: { ...always(), range: '-30d' } };
    case 'sequence':
      return { type, not: false, steps: [anyEvent(), anyEvent()], window: '', when: { ...always(), range: '-30d' } };
    case 'property':
      return { type, not: false, where: { ...noFilter(), rows: [{ property: '', op: 'is', value: '' }] } };
    case 'list':
      return { type, not: false, of: 'user_ids', ids: '' };
    case 'cohort':
      return { type, not: false, id: '' };
    case 'group':
      return { type, not: false, join: 'or', parts: [newPart('did')] };
  }
}

export const newGroup = (): Group => ({ type: 'group', not: false, join: 'and', parts: [newPart('did')] });
