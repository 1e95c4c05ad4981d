// Asking one question at a time: what is asked, for how long, and what came of it.
import type { Client } from './api';
import type { Answer } from './explore/answers';
import type { Question } from './explore/question';
import type { Problem } from './problem';
import { told } from './told';
import { Work } from './work.svelte';

/** The longest time that the server works on a question. */
const timeout = '60s';

export class Ask extends Work {
  answer = $state.raw<Answer>();
  /** What the answer that is shown was an answer to. */
  about = $state('');

  constructor(
    private readonly client: Client,
    failed: (problem: Problem) => void,
  ) {
    super(failed);
  }

  /** Asks, and forgets what was being asked. */
  async ask(question: Question): Promise<void> {
    const text = JSON.stringify(question);
    await this.run(
      (signal, tell) => told<Answer>(this.client.told('/v1/query', question, signal, { timeout }), signal, tell),
      (answer) => {
        this.answer = answer;
        this.about = text;
      },
    );
  }

  /** A question that was refused stays refused; asking it again is of no use. */
  get refused(): boolean {
    return this.problem !== undefined && this.problem.status >= 400 && this.problem.status < 500;
  }
}
