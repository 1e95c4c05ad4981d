// A list that comes page by page, as far as somebody wants to read.
import { aborted, asProblem, type Problem } from './problem';

export class Pages<P extends { next?: string }, T> {
  items = $state.raw<T[]>([]);
  /** The page that came last. */
  last = $state.raw<P>();
  problem = $state.raw<Problem>();
  busy = $state(false);
  private abort = new AbortController();

  constructor(
    private readonly ask: (cursor: string | undefined, signal: AbortSignal) => Promise<P>,
    private readonly of: (page: P) => T[],
    private readonly failed: (problem: Problem) => void,
  ) {}

  get over(): boolean {
    return this.last !== undefined && !this.last.next;
  }

  /** Reads the next page. */
  async more(): Promise<void> {
    const { signal } = this.abort;
    this.busy = true;
    this.problem = undefined;
    try {
      const page = await this.ask(this.last?.next, signal);
      if (signal.aborted) return;
      this.items = this.last ? [...this.items, ...this.of(page)] : this.of(page);
      this.last = page;
    } catch (error) {
      if (aborted(error) || signal.aborted) return;
      this.problem = asProblem(error);
      this.failed(this.problem);
    }
    this.busy = false;
  }

  /** Begins at the first page again; what is shown stays until that has come. */
  async again(): Promise<void> {
    this.stop();
    this.abort = new AbortController();
    this.last = undefined;
    await this.more();
  }

  stop(): void {
    this.abort.abort();
    this.busy = false;
  }
}
