import { expect, it } from 'vitest';
import type { FunnelAnswer } from './answers';
import { pathsOf } from './onward';
import { question } from './question';
import { read } from './read';

const range = { from: '-30d', to: 'now' };
const asked = { kind: 'funnel', range: { from: '2026-01-01T00:00:00Z', to: '2026-01-31T12:00:00Z' }, unit: 'person', window: '1d', show: 'trend', interval: 'week', compare: 'previous', steps: [{ events: ['a'] }, { events: ['b'] }] };
const answer = (more = {}) => ({ kind: 'funnel', question: { ...asked, ...more } }) as unknown as FunnelAnswer;

it('asks for the paths of those behind a number of a funnel', () => {
  const made = pathsOf(answer(), { step: 2, state: 'dropped' }, range)!;
  expect(made).toEqual({
    kind: 'paths', range, funnel: { question: { kind: 'funnel', unit: 'person', window: '1d', steps: asked.steps }, step: 2, state: 'dropped' },
  });
  expect(question(read(made, ''), () => [])).toEqual(made);
});

it('has none of other units, of groups, of other numbers, and of other questions', () => {
  expect(pathsOf(answer({ unit: 'device' }), { step: 1 }, range)).toBeUndefined();
  expect(pathsOf(answer({ breakdown: [{ property: '$os' }] }), { step: 1 }, range)).toBeUndefined();
  expect(pathsOf(answer(), { step: 1, compare: true }, range)).toBeUndefined();
  expect(pathsOf(answer(), { bucket: 'x', state: 'entered' }, range)).toBeUndefined();
  expect(pathsOf({ ...answer(), kind: 'trends' } as unknown as FunnelAnswer, { step: 1 }, range)).toBeUndefined();
});
