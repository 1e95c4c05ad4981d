// People one by one: looking for them, who they are, what they did.
import type { Client } from './api';
import { told, type Tell } from './told';
import type { Identity, Profile, PersonCohortsAnswer, PersonEvent, PersonEvents, PersonPage, UnlinkAnswer } from './openapi';

const one = (id: string) => `/v1/persons/${encodeURIComponent(id)}`;

/** People whose ids or traits begin with a text, who were seen last first; all people for an empty one. */
export const find = (client: Client, text: string, cursor: string | undefined, signal: AbortSignal, tell: Tell): Promise<PersonPage> =>
  told(client.stream('/v1/persons', signal, { q: text, limit: 50, cursor }), signal, tell);

export const open = (client: Client, id: string, signal: AbortSignal, tell: Tell): Promise<Profile> =>
  told(client.stream(one(id), signal), signal, tell);

export const cohortsOf = (client: Client, id: string, signal: AbortSignal, tell: Tell): Promise<PersonCohortsAnswer> =>
  told(client.stream(`${one(id)}/cohorts`, signal), signal, tell);

export const events = (client: Client, id: string, event: string, cursor: string | undefined, signal: AbortSignal, tell: Tell): Promise<PersonEvents> =>
  told(client.stream(`${one(id)}/events`, signal, { event, limit: 100, cursor }), signal, tell);

/** Takes an id out of the person it was linked to; it needs an admin key. */
export const unlink = (client: Client, { kind, id }: Pick<Identity, 'kind' | 'id'>): Promise<UnlinkAnswer> =>
  client.post<UnlinkAnswer>('/v1/persons/unlink', { kind, id });

/** Events of one session, or of none, that follow on each other; the newest first. */
export type Stretch = { key: string; session: PersonEvent['session']; events: PersonEvent[] };

/** Cuts a timeline where a session begins or ends, and at midnight in the reader's zone. */
export function stretches(timeline: PersonEvent[], day: (time: string) => string): Stretch[] {
  const out: Stretch[] = [];
  let last = '';
  for (const event of timeline) {
    const mark = `${day(event.timestamp)} ${event.session?.started_at ?? ''}`;
    if (mark !== last) out.push({ key: event.id, session: event.session, events: [] });
    last = mark;
    out.at(-1)!.events.push(event);
  }
  return out;
}
