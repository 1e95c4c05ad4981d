// Answers of all kinds, told apart by their kind.
import type * as api from '../openapi';

type Of<K extends string, A> = Omit<A, 'kind'> & { kind: K };

export type TrendsAnswer = Of<'trends', api.Answer>;
export type FunnelAnswer = Of<'funnel', api.FunnelAnswer>;
export type RetentionAnswer = Of<'retention', api.RetentionAnswer>;
export type LifecycleAnswer = Of<'lifecycle', api.LifecycleAnswer>;
export type StickinessAnswer = Of<'stickiness', api.StickinessAnswer>;
export type PathsAnswer = Of<'paths', api.PathsAnswer>;
export type SessionsAnswer = Of<'sessions', api.SessionsAnswer>;

export type Answer =
  | TrendsAnswer
  | FunnelAnswer
  | RetentionAnswer
  | LifecycleAnswer
  | StickinessAnswer
  | PathsAnswer
  | SessionsAnswer;

/** Whether an answer reaches into an interval or a day that is not over. */
export function isPartial(answer: Answer): boolean {
  const parts = [...('buckets' in answer ? answer.buckets : []), ...('days' in answer ? (answer.days ?? []) : [])];
  return parts.some((part) => part.partial);
}
