// A cohort of the people behind a number of an answer.
import type { Answer } from '../explore/answers';
import type { CohortDefinition, CohortHead } from '../openapi';

/**
 * The definition of who is behind a cell. The question gets the days that it was answered for, because the cell is one of
 * them, and names other cohorts by their numbers, which stay when their names change.
 */
export function cohortOf(answer: Answer, cell: Record<string, unknown>, cohorts: Pick<CohortHead, 'id' | 'name'>[]): CohortDefinition {
  const ids = new Map(cohorts.map((c) => [c.name, c.id]));
  const { from, to } = answer.range;
  const parts = Object.entries(answer.question).map(([name, part]) => [name, name === 'cohort' ? part : numbered(part, ids)]);
  return { cell: { question: { ...Object.fromEntries(parts), kind: answer.kind, range: { from, to } }, cell } };
}

/** The `cohort` of a filter or a breakdown names one; that of a retention itself does not, so it is left out above. */
function numbered(value: unknown, ids: Map<string, string>): unknown {
  if (Array.isArray(value)) return value.map((part) => numbered(part, ids));
  if (!value || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [name, name === 'cohort' && typeof part === 'string' ? (ids.get(part) ?? part) : numbered(part, ids)]),
  );
}
