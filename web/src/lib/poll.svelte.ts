// Asks again and again while the page is seen, one request at a time.
import type { Problem } from './problem';
import type { Tell } from './told';
import { Once } from './work.svelte';

export class Poll<T> extends Once<T> {
  private timer?: ReturnType<typeof setTimeout>;
  private stopped = true;
  private failures = 0;

  constructor(
    ask: (signal: AbortSignal, tell: Tell) => Promise<T>,
    private readonly every: number,
    failed?: (problem: Problem) => void,
  ) {
    super(ask, failed);
  }

  get loading(): boolean {
    return this.since > 0;
  }

  /** Starts asking; the returned function ends it. */
  start(): () => void {
    this.stopped = false;
    const follow = () => {
      if (document.hidden) clearTimeout(this.timer);
      else if (!this.cancelled) void this.now();
    };
    document.addEventListener('visibilitychange', follow);
    void this.now();
    return () => {
      this.stopped = true;
      document.removeEventListener('visibilitychange', follow);
      this.stop();
    };
  }

  /** Asks at once, and then again after a while. */
  override async now(): Promise<boolean> {
    clearTimeout(this.timer);
    const ended = await super.now();
    if (ended) this.failures = this.problem?.passes ? this.failures + 1 : 0;
    if (ended && !this.stopped && !document.hidden) this.timer = setTimeout(() => void this.now(), this.wait());
    return ended;
  }

  /** Milliseconds until it asks again: soon after what passes by itself, each time later, and no sooner than the server says. */
  private wait(): number {
    if (!this.failures) return this.every;
    return Math.max(Math.min(this.every, 1000 * 2 ** (this.failures - 1)), (this.problem?.wait ?? 0) * 1000);
  }

  /** Who has given up is not asked for until somebody wants it again. */
  override stop(): void {
    clearTimeout(this.timer);
    super.stop();
  }
}
