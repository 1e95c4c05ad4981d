// What every page of a signed-in project works with.
import type { Client } from './api';
import { Live } from './live.svelte';
import type { CohortsAnswer, Schema } from './openapi';
import { Poll } from './poll.svelte';
import type { Router } from './router.svelte';
import type { Session } from './session.svelte';
import { shortcut, undoing } from './shortcuts';
import type { Theme } from './theme.svelte';
import type { Ledger } from './types';

type Keys = Record<string, () => void>;

export class World {
  readonly client: Client;
  /** For routes that are not a project's. */
  readonly control: Client;
  readonly live: Live;
  readonly schema: Poll<Schema>;
  readonly ledger: Poll<Ledger>;
  readonly cohorts: Poll<CohortsAnswer>;
  /** What somebody wants to do who is signed in to read. */
  elevating = $state.raw<() => void>();
  private readonly bound = new Set<Keys>();

  constructor(
    readonly session: Session,
    readonly router: Router,
    readonly theme: Theme,
  ) {
    // A world is one project's, whatever the address comes to say.
    this.client = session.clientOf(session.project?.id);
    this.control = session.clientOf();
    const notice = session.notice.bind(session);
    this.live = new Live(this.client, notice);
    this.schema = new Poll((signal) => this.client.get<Schema>('/v1/schema', {}, signal), 60_000, notice);
    this.ledger = new Poll((signal) => this.client.get<Ledger>('/v1/ledger', { from: '-24h', to: 'now' }, signal), 5_000, notice);
    this.cohorts = new Poll((signal) => this.client.get<CohortsAnswer>('/v1/cohorts', {}, signal), 60_000, notice);
  }

  /** Does something that needs an admin key, once there is one. */
  change(does: () => void): void {
    if (this.session.admin) does();
    else this.elevating = does;
  }

  start(): () => void {
    const stops = [this.live.start(), this.schema.start(), this.ledger.start(), this.cohorts.start()];
    return () => stops.forEach((stop) => stop());
  }

  /** Gives keys of the keyboard a meaning until the returned function is called. */
  keys(keys: Keys): () => void {
    this.bound.add(keys);
    return () => this.bound.delete(keys);
  }

  press(event: KeyboardEvent): void {
    // An open dialog has the keyboard to itself.
    if (event.defaultPrevented || document.querySelector('dialog[open]')) return;
    const key = undoing(event) || shortcut(event);
    for (const keys of this.bound) {
      if (!Object.hasOwn(keys, key)) continue;
      event.preventDefault();
      keys[key]?.();
      return;
    }
  }
}
