// Asks again and again while the page is seen, one request at a time.
import { aborted, asProblem, type Problem } from './problem';

export class Poll<T> {
  value = $state.raw<T>();
  problem = $state.raw<Problem>();
  loading = $state(false);
  private timer?: ReturnType<typeof setTimeout>;
  private abort?: AbortController;
  private stopped = true;

  constructor(
    private readonly ask: (signal: AbortSignal) => Promise<T>,
    private readonly every: number,
    private readonly failed: (problem: Problem) => void = () => {},
  ) {}

  /** Starts asking; the returned function ends it. */
  start(): () => void {
    this.stopped = false;
    const follow = () => {
      if (!document.hidden) void this.now();
      else clearTimeout(this.timer);
    };
    document.addEventListener('visibilitychange', follow);
    void this.now();
    return () => {
      this.stopped = true;
      document.removeEventListener('visibilitychange', follow);
      clearTimeout(this.timer);
      this.abort?.abort();
    };
  }

  /** Asks at once. What was shown stays until there is something newer. */
  async now(): Promise<void> {
    clearTimeout(this.timer);
    this.abort?.abort();
    const abort = new AbortController();
    this.abort = abort;
    this.loading = true;
    try {
      this.value = await this.ask(abort.signal);
      this.problem = undefined;
    } catch (error) {
      if (aborted(error)) return;
      this.problem = asProblem(error);
      this.failed(this.problem);
    }
    this.loading = false;
    if (this.stopped || document.hidden) return;
    this.timer = setTimeout(() => void this.now(), Math.max(this.every, (this.problem?.wait ?? 0) * 1000));
  }
}
