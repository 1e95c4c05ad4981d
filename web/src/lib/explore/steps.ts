// From step to step of a funnel. Optional steps change nothing for the others, so what is told of coming from one to the next is
// between those that are not optional.
import type { FunnelAnswer } from './answers';

/** The step that another one is compared with: the last before it that is not optional. Steps count from 0; -1 before the first. */
export function stepBefore(answer: FunnelAnswer, step: number): number {
  let at = step - 1;
  while (at > 0 && optional(answer, at)) at--;
  return at;
}

export const optional = (answer: FunnelAnswer, step: number): boolean => answer.question.steps[step]?.optional === true;

/** The share that came, in words: of which step it is. */
export function ofBefore(answer: FunnelAnswer, step: number): string {
  const before = stepBefore(answer, step);
  return before === step - 1 ? 'of the step before' : `of step ${before + 1}`;
}

/**
 * How many came to the step before and not to this one; nobody is lost at an optional step. `at` is the step whose list of who
 * stopped there has them: there is none where they may have done an optional step meanwhile.
 */
export function lost(answer: FunnelAnswer, group: number, step: number): { count: number; at?: number } | undefined {
  const counts = answer.groups[group]?.steps;
  const before = stepBefore(answer, step);
  if (!counts?.[step] || before < 0 || optional(answer, step)) return undefined;
  const count = counts[before]!.count - counts[step].count;
  if (count <= 0) return undefined;
  return before === step - 1 ? { count, at: before } : { count };
}
