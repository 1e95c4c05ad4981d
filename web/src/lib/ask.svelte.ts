// Asking one question at a time: what is asked, for how long, and what came of it.
import type { Client } from './api';
import type { Answer } from './explore/answers';
import type { Question } from './explore/question';
import type { QueryProgress } from './openapi';
import { aborted, asProblem, type Problem } from './problem';
import { told } from './told';

/** The longest time that the server works on a question. */
const timeout = '60s';

export class Ask {
  answer = $state.raw<Answer>();
  /** What the answer that is shown was an answer to. */
  about = $state('');
  problem = $state.raw<Problem>();
  /** When the question under way was asked, in ms of the page's clock; 0 when none is. */
  since = $state(0);
  /** How far the question under way is, as the server told last. */
  progress = $state.raw<QueryProgress>();
  /** Somebody has cancelled the question, and no other was asked since. */
  cancelled = $state(false);
  private running?: AbortController;

  constructor(
    private readonly client: Client,
    private readonly failed: (problem: Problem) => void,
  ) {}

  /** Asks, and forgets what was being asked: the server gives up work that nobody waits for. */
  async ask(question: Question): Promise<void> {
    this.running?.abort();
    const abort = new AbortController();
    this.running = abort;
    this.since = Date.now();
    this.progress = undefined;
    this.cancelled = false;
    const text = JSON.stringify(question);
    try {
      const answer = await told(this.client.told('/v1/query', question, abort.signal, { timeout }), abort.signal, (progress) => (this.progress = progress));
      if (abort.signal.aborted) return;
      this.answer = answer;
      this.about = text;
      this.problem = undefined;
    } catch (error) {
      if (aborted(error) || abort.signal.aborted) return;
      this.problem = asProblem(error);
      this.failed(this.problem);
    }
    if (this.running === abort) this.since = 0;
  }

  cancel(): void {
    this.stop();
    this.cancelled = true;
  }

  stop(): void {
    this.running?.abort();
    this.since = 0;
  }

  /** A question that was refused stays refused; asking it again is of no use. */
  get refused(): boolean {
    return this.problem !== undefined && this.problem.status >= 400 && this.problem.status < 500;
  }
}
