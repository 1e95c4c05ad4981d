// An answer that tells how far it is while it is worked out.
import type { Answer } from './explore/answers';
import type { QueryProgress } from './openapi';
import { Problem, readProblem } from './problem';
import { read } from './sse';

/** Hears how far a question is. */
export type Tell = (progress: QueryProgress) => void;

/** An answer has no more letters than this. */
const largest = 256 << 20;

/** Reads what is told, until there is the answer or what is wrong. */
export async function told(asked: Promise<Response>, signal: AbortSignal, tell: Tell): Promise<Answer> {
  const { body } = await asked;
  let answer: Answer | undefined;
  let wrong: Problem | undefined;
  if (body) {
    await read(body, ({ event, data }) => {
      if (signal.aborted) return;
      if (event === 'progress') tell(JSON.parse(data) as QueryProgress);
      if (event === 'answer') answer = JSON.parse(data) as Answer;
      if (event === 'error') wrong = refusal(data);
    }, largest);
  }
  if (answer) return answer;
  throw wrong ?? new Problem(0, 'the answer broke off', 'unreachable');
}

/** A refusal within a stream, whose status is in its text. */
function refusal(data: string): Problem {
  const { status } = JSON.parse(data) as { status?: number };
  return readProblem(status ?? 0, data, null);
}
