// The live stream of a project: the newest events, and how fresh the answers are.
import type { Client } from './api';
import { aborted, asProblem, type Problem } from './problem';
import { backoff, read, type Message } from './sse';
import type { EventRow, LiveMessage, Status } from './types';

/** Rows kept. The page may be left open for days, so there is never more. */
export const kept = 200;

export type Connection = 'connecting' | 'open' | 'waiting' | 'resting';

export class Live {
  events = $state.raw<EventRow[]>([]);
  status = $state.raw<Status>();
  /** When the status arrived, in ms of the page's clock. */
  statusAt = $state(0);
  connection = $state<Connection>('connecting');
  problem = $state.raw<Problem>();
  paused = $state(false);
  /** Events that came by without being shown: while paused, or because there were too many at once. */
  missed = $state(0);
  private abort?: AbortController;

  constructor(
    private readonly client: Client,
    private readonly refused: (problem: Problem) => void,
  ) {}

  /** Runs until the returned function is called. A hidden page lets go of its connection. */
  start(): () => void {
    const follow = () => {
      if (document.hidden) this.rest();
      else if (!this.abort) void this.run();
    };
    document.addEventListener('visibilitychange', follow);
    follow();
    return () => {
      document.removeEventListener('visibilitychange', follow);
      this.rest();
    };
  }

  toggle(): void {
    this.paused = !this.paused;
    if (!this.paused) this.missed = 0;
  }

  private rest(): void {
    this.abort?.abort();
    this.abort = undefined;
    this.connection = 'resting';
  }

  private async run(): Promise<void> {
    const abort = new AbortController();
    this.abort = abort;
    for (let tries = 0; !abort.signal.aborted; tries++) {
      try {
        this.connection = 'connecting';
        void this.backlog(abort.signal);
        const response = await this.client.stream('/v1/live', abort.signal);
        this.connection = 'open';
        this.problem = undefined;
        tries = 0;
        if (response.body) await read(response.body, (message) => this.take(message));
      } catch (error) {
        if (aborted(error) || abort.signal.aborted) return;
        this.problem = asProblem(error);
        if (this.problem.unauthorized) return this.refused(this.problem);
      }
      this.connection = 'waiting';
      await pause(Math.max(backoff(tries), (this.problem?.wait ?? 0) * 1000), abort.signal);
    }
  }

  /** What is there already, so that the page is not empty while nothing happens. */
  private async backlog(signal: AbortSignal): Promise<void> {
    if (this.events.length > 0) return;
    try {
      const page = await this.client.get<{ events: EventRow[] | null }>('/v1/events', { limit: 50 }, signal);
      this.events = merge(this.events, page.events ?? []);
    } catch {
      // The stream meets the same trouble, and says so.
    }
  }

  private take(message: Message): void {
    if (message.event === 'status') {
      this.status = JSON.parse(message.data) as Status;
      this.statusAt = Date.now();
    }
    if (message.event === 'events') this.add(JSON.parse(message.data) as LiveMessage);
  }

  private add(message: LiveMessage): void {
    const events = message.events ?? [];
    if (this.paused) {
      this.missed += events.length + (message.skipped ?? 0);
      return;
    }
    if (events.length > 0) this.events = merge(events, this.events);
    this.missed = message.skipped ?? 0;
  }
}

/** Puts the new rows first, newest on top, each event once. */
export function merge(fresh: EventRow[], shown: EventRow[]): EventRow[] {
  const seen = new Set<string>();
  const sorted = [...fresh].sort((a, b) => (b.position ?? 0) - (a.position ?? 0));
  const all: EventRow[] = [];
  for (const event of [...sorted, ...shown]) {
    const name = rowKey(event);
    if (seen.has(name)) continue;
    seen.add(name);
    all.push(event);
    if (all.length === kept) break;
  }
  return all;
}

/** Ids are the client's and need not be unique for ever; the position is ours. */
export function rowKey(event: EventRow): string {
  return `${event.position ?? ''}/${event.id}`;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
