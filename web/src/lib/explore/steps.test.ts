import { describe, expect, it } from 'vitest';
import type { FunnelAnswer } from './answers';
import { lost, ofBefore, stepBefore } from './steps';

/** A funnel of so many at each step; a minus says that the step is optional. */
function funnel(...counts: number[]): FunnelAnswer {
  return {
    kind: 'funnel', question: { steps: counts.map((n) => (n < 0 ? { optional: true } : {})) },
    groups: [{ steps: counts.map((n) => ({ count: Math.abs(n) })) }],
  } as unknown as FunnelAnswer;
}
const all = (answer: FunnelAnswer) => answer.groups[0]!.steps.map((_, i) => lost(answer, 0, i));

describe('who is lost between steps', () => {
  it('stopped at the step before', () => {
    expect(all(funnel(10, 6, 6, 1))).toEqual([undefined, { count: 4, at: 0 }, undefined, { count: 5, at: 2 }]);
  });

  it('is nobody at a step that is optional, and behind one of no list', () => {
    const answer = funnel(10, -3, -2, 6, 5);
    expect(all(answer)).toEqual([undefined, undefined, undefined, { count: 4 }, { count: 1, at: 3 }]);
    expect([0, 1, 2, 3, 4].map((i) => stepBefore(answer, i))).toEqual([-1, 0, 0, 0, 3]);
    expect([1, 3, 4].map((i) => ofBefore(answer, i))).toEqual(['of the step before', 'of step 1', 'of the step before']);
  });
});
