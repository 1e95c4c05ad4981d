// What the server works on for somebody who waits: since when, how far it is, whether it was given up, and what came of it.
import type { QueryProgress } from './openapi';
import { aborted, asProblem, type Problem } from './problem';
import type { Tell } from './told';

export class Work {
  /** When what is under way was asked for, in ms of the page's clock; 0 when nothing is. */
  since = $state(0);
  /** How far that is, as the server told last. */
  progress = $state.raw<QueryProgress>();
  /** Somebody has given it up, and nothing was asked for since. */
  cancelled = $state(false);
  problem = $state.raw<Problem>();
  private running?: AbortController;

  constructor(private readonly failed: (problem: Problem) => void) {}

  /** Asks for something in the place of what was under way; false when that was given up, or replaced itself. */
  protected async run<T>(ask: (signal: AbortSignal, tell: Tell) => Promise<T>, take: (value: T) => void): Promise<boolean> {
    this.running?.abort();
    const { signal } = (this.running = new AbortController());
    this.since = Date.now();
    this.progress = undefined;
    this.cancelled = false;
    try {
      const value = await ask(signal, (told) => {
        if (!signal.aborted) this.progress = told;
      });
      if (signal.aborted) return false;
      take(value);
      this.problem = undefined;
    } catch (error) {
      if (aborted(error) || signal.aborted) return false;
      this.problem = asProblem(error);
      this.failed(this.problem);
    }
    this.since = 0;
    return true;
  }

  /** Gives it up: the server ends work that nobody waits for. */
  cancel(): void {
    this.stop();
    this.cancelled = true;
  }

  stop(): void {
    this.running?.abort();
    this.since = 0;
  }
}

/** An answer that is asked for when somebody wants it. What was there stays until there is something newer. */
export class Once<T> extends Work {
  value = $state.raw<T>();

  constructor(
    private readonly ask: (signal: AbortSignal, tell: Tell) => Promise<T>,
    failed: (problem: Problem) => void = () => {},
  ) {
    super(failed);
  }

  now(): Promise<boolean> {
    return this.run(this.ask, (value) => (this.value = value));
  }
}
