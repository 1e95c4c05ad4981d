import { describe, expect, it } from 'vitest';
import type { TrendsAnswer } from '../explore/answers';
import type { CohortDefinition } from '../openapi';
import { cohortOf } from './cell';
import { definition, idsIn, readDefinition } from './definition';
import { newGroup, newPart } from './form';

const types = () => [];
const definitions: CohortDefinition[] = [
  { did: {} },
  { did: { events: ['purchase'], at_least: 3, range: { from: '-30d', to: 'now' } } },
  { did: { events: ['a', 'b'], where: { property: 'amount', op: 'gt', value: 10 }, first_time: true, range: { from: '2026-01-01', to: '2026-02-01' } } },
  { not: { did: { exactly: 0, range: { from: '-60d', to: '-30d' } } } },
  { sequence: { steps: [{ events: ['a'] }, {}], window: '1h', range: { from: 'yesterday' } } },
  { and: [{ property: { property: 'plan', of: 'person', op: 'is', value: 'pro' } }, { or: [{ cohort: '7' }, { list: { user_ids: ['x', 'y'] } }] }] },
  { not: { or: [{ list: { persons: ['1'] } }, { did: { at_most: 2 } }] } },
  { cell: { question: { kind: 'trends' }, cell: { series: 'A' } } },
];

describe('a cohort in the builder', () => {
  it.each(definitions)('stays what it is: %j', (d) => {
    expect(definition(readDefinition(d), types)).toEqual(d);
  });

  it('is not there before a condition is finished, and leaves out those that are not', () => {
    expect(definition({ ...newGroup(), parts: [newPart('property'), newPart('cohort'), newPart('list'), newPart('sequence')] }, types)).toBeUndefined();
    expect(definition({ ...newGroup(), parts: [newPart('list'), { ...newPart('cohort'), not: true, id: '7' } as never] }, types)).toEqual({ not: { cohort: '7' } });
  });

  it('says two bounds as two conditions', () => {
    const both = { did: { events: ['a'], at_least: 2, at_most: 5 } };
    expect(definition(readDefinition(both), types)).toEqual({ and: [{ did: { events: ['a'], at_least: 2 } }, { did: { events: ['a'], at_most: 5 } }] });
  });

  it('survives what nobody meant', () => {
    for (const odd of [null, 3, [], { and: {} }, { did: 'x' }, { list: { user_ids: 1 } }, { nobody: 1 }]) expect(() => definition(readDefinition(odd), types)).not.toThrow();
  });

  it('takes ids out of a file', () => {
    expect(idsIn('a, b\r\n"c"\n\n a;b\t')).toEqual(['a', 'b', 'c']);
  });
});

it('makes a cohort of a number, for the days of the answer and with cohorts by their numbers', () => {
  const answer = {
    kind: 'trends', range: { from: '2026-01-01T00:00:00Z', to: '2026-01-08T00:00:00Z', timezone: 'UTC' },
    question: { range: { from: '-7d' }, where: { cohort: 'Buyers', op: 'in' }, series: [{ id: 'A' }] },
  } as unknown as TrendsAnswer;
  expect(cohortOf(answer, { series: 'A' }, [{ id: '7', name: 'Buyers' }])).toEqual({
    cell: {
      question: {
        kind: 'trends', range: { from: '2026-01-01T00:00:00Z', to: '2026-01-08T00:00:00Z' }, where: { cohort: '7', op: 'in' }, series: [{ id: 'A' }],
      },
      cell: { series: 'A' },
    },
  });
});
