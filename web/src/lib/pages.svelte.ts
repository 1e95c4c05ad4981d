// A list that comes page by page, as far as somebody wants to read.
import type { Problem } from './problem';
import type { Tell } from './told';
import { Work } from './work.svelte';

export class Pages<P extends { next?: string }, T> extends Work {
  items = $state.raw<T[]>([]);
  /** The page that came last. */
  last = $state.raw<P>();

  constructor(
    private readonly ask: (cursor: string | undefined, signal: AbortSignal, tell: Tell) => Promise<P>,
    private readonly of: (page: P) => T[],
    failed: (problem: Problem) => void,
  ) {
    super(failed);
  }

  get busy(): boolean {
    return this.since > 0;
  }

  get over(): boolean {
    return this.last !== undefined && !this.last.next;
  }

  /** Reads the next page. */
  async more(): Promise<void> {
    this.problem = undefined;
    await this.run(
      (signal, tell) => this.ask(this.last?.next, signal, tell),
      (page) => {
        this.items = this.last ? [...this.items, ...this.of(page)] : this.of(page);
        this.last = page;
      },
    );
  }

  /** Begins at the first page again; what is shown stays until that has come. */
  async again(): Promise<void> {
    this.last = undefined;
    await this.more();
  }
}
