// An answer that tells how far it is while it is worked out.
import type { QueryProgress } from './openapi';
import { Problem, readProblem } from './problem';
import { read } from './sse';

/** Hears how far an answer is. */
export type Tell = (progress: QueryProgress) => void;

/** An answer has no more letters than this. */
const largest = 256 << 20;

/** Reads what is told, until there is the answer or what is wrong. */
export async function told<T>(asked: Promise<Response>, signal: AbortSignal, tell: Tell): Promise<T> {
  const { body } = await asked;
  let answer: { is: T } | undefined;
  let wrong: Problem | undefined;
  if (body) {
    await read(body, ({ event, data }) => {
      if (signal.aborted) return;
      if (event === 'progress') tell(JSON.parse(data) as QueryProgress);
      if (event === 'answer') answer = { is: JSON.parse(data) as T };
      if (event === 'error') wrong = refusal(data);
    }, largest);
  }
  if (answer) return answer.is;
  throw wrong ?? new Problem(0, 'the answer broke off', 'unreachable');
}

/** A refusal within a stream, whose status is in its text. */
function refusal(data: string): Problem {
  const { status } = JSON.parse(data) as { status?: number };
  return readProblem(status ?? 0, data, null);
}
