// People one by one: looking for them, who they are, what they did.
import type { Client } from './api';
import type { Profile, PersonCohortsAnswer, PersonEvent, PersonEvents, PersonPage } from './openapi';

const one = (id: string) => `/v1/persons/${encodeURIComponent(id)}`;

/** People whose ids or traits begin with a text, who were seen last first; all people for an empty one. */
export const find = (client: Client, text: string, cursor: string | undefined, signal: AbortSignal): Promise<PersonPage> =>
  client.get<PersonPage>('/v1/persons', { q: text, limit: 50, cursor }, signal);

export const open = (client: Client, id: string, signal: AbortSignal): Promise<Profile> => client.get<Profile>(one(id), {}, signal);

export const cohortsOf = (client: Client, id: string, signal: AbortSignal): Promise<PersonCohortsAnswer> =>
  client.get<PersonCohortsAnswer>(`${one(id)}/cohorts`, {}, signal);

export const events = (client: Client, id: string, event: string, cursor: string | undefined, signal: AbortSignal): Promise<PersonEvents> =>
  client.get<PersonEvents>(`${one(id)}/events`, { event, limit: 100, cursor }, signal);

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
