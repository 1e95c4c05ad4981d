// The tracking plan: what is expected of events, and what is otherwise.
import type { Client } from '../api';
import type { Question } from '../explore/question';
import { address } from '../explore/address';
import type { Event, EventPage, Plan, TrackingPlan, Violation } from '../openapi';

const path = '/v1/plan';

/** Every change goes along with the version that was read; where there never was a plan there is none. */
const tag = ({ version }: Pick<Plan, 'version'>): Record<string, string> => (version ? { 'If-Match': `"${version}"` } : {});

export const get = (client: Client): Promise<Plan> => client.get<Plan>(path);

export const set = (client: Client, seen: Pick<Plan, 'version'>, plan: unknown): Promise<Plan> => client.put<Plan>(path, plan, tag(seen));

export const remove = (client: Client, seen: Pick<Plan, 'version'>): Promise<void> => client.delete(path, tag(seen));

export const propose = (client: Client, signal?: AbortSignal): Promise<TrackingPlan> =>
  client.get<TrackingPlan>(`${path}/proposal`, {}, signal);

export const write = (plan: TrackingPlan): string => JSON.stringify(plan, null, 2);

export const reasons: Record<Violation['reason'], string> = {
  unexpected_event: 'not in the plan',
  missing_property: 'missing',
  wrong_type: 'of another type',
  value_not_allowed: 'value not allowed',
};

/** The question that shows the events of a violation: where they come from, or which values they have. */
export function question(v: Violation): Question {
  const where = v.reason === 'missing_property' ? { where: { property: v.property, op: 'is_not_set' } } : {};
  const property = v.reason === 'unexpected_event' || v.reason === 'missing_property' ? '$library_version' : v.property!;
  return {
    kind: 'trends', range: { from: '-7d', to: 'now' }, interval: 'day',
    series: [{ id: 'A', events: [v.event], aggregate: 'total', ...where }], breakdown: [{ property }], breakdown_limit: 20,
  } as Question;
}

export const link = (v: Violation, project?: number): string => address(question(v), 'bar', project);

/** Finds the sample of a violation; undefined when it is gone. */
export async function sample(client: Client, v: Violation): Promise<Event | undefined> {
  const to = new Date(Date.parse(v.last_seen) + 1).toISOString();
  let cursor: string | undefined;
  for (let page = 0; page < 10; page++) {
    const found = await client.get<EventPage>('/v1/events', { event: v.event, from: v.last_seen, to, limit: 1000, cursor });
    const event = found.events.find((e) => e.id === v.sample);
    if (event || !found.next) return event;
    cursor = found.next;
  }
  return undefined;
}
