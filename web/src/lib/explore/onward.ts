// From a number of a funnel to the paths of those behind it.
import type { Answer } from './answers';
import type { Range } from '../openapi';
import type { Question } from './question';

/** What the people of a cell did next, as a question about the range in words; undefined where the server has no paths of them. */
export function pathsOf(answer: Answer, cell: Record<string, unknown>, range: Range): Question | undefined {
  if (answer.kind !== 'funnel') return undefined;
  const { unit, breakdown, ...rest } = answer.question;
  if (unit !== 'person' || breakdown?.length || Object.keys(cell).some((name) => name !== 'step' && name !== 'state')) return undefined;
  // Steps are all that paths take from it, whatever picture it was asked for.
  for (const name of ['range', 'compare', 'show', 'interval', 'windows', 'convert_from', 'convert_to', 'attribution', 'breakdown_limit'] as const) delete rest[name];
  return { kind: 'paths', range, funnel: { question: { ...rest, unit }, ...cell } };
}
