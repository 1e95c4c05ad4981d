// Cohorts that are kept, and how many people a definition has.
import type { Client } from '../api';
import { address } from '../explore/address';
import { told, type Tell } from '../told';
import type { Cohort, CohortDefinition, CohortHead, CohortWish, NewCohort, PeoplePage, PreviewAnswer } from '../openapi';

const one = (id: string) => `/v1/cohorts/${encodeURIComponent(id)}`;
const tag = (cohort: Pick<Cohort, 'version'>) => ({ 'If-Match': `"${cohort.version}"` });

export const open = (client: Client, id: string, signal: AbortSignal): Promise<Cohort> => client.get<Cohort>(one(id), {}, signal);

export const create = (client: Client, wish: NewCohort, signal: AbortSignal): Promise<Cohort> => client.post<Cohort>('/v1/cohorts', wish, signal);

/** Changes a cohort, unless somebody else was faster: the version that was read goes along. */
export const change = (client: Client, cohort: Pick<Cohort, 'id' | 'version'>, wish: CohortWish, signal: AbortSignal): Promise<Cohort> =>
  client.patch<Cohort>(one(cohort.id), wish, tag(cohort), signal);

export const remove = (client: Client, cohort: Pick<Cohort, 'id' | 'version'>): Promise<void> => client.delete(one(cohort.id), tag(cohort));

/** Freezes a static cohort anew. */
export const refresh = (client: Client, id: string, signal: AbortSignal): Promise<Cohort> => client.post<Cohort>(`${one(id)}/refresh`, {}, signal);

export const preview = (client: Client, definition: CohortDefinition, signal: AbortSignal, tell: Tell): Promise<PreviewAnswer> =>
  told(client.told('/v1/cohorts/preview', { definition }, signal), signal, tell);

export const members = (client: Client, id: string, cursor: string | undefined, signal: AbortSignal, tell: Tell): Promise<PeoplePage> =>
  told(client.stream(`${one(id)}/people`, signal, { limit: 50, cursor, timeout: '60s' }), signal, tell);

/** Everybody who ever did anything. */
export const everybody: CohortDefinition = { did: {} };

/** The address of a question about the people of a cohort, or of how they differ from the others. */
export function about(cohort: Pick<CohortHead, 'name'>, split: boolean, project: number | undefined): string {
  const question = { kind: 'trends', range: { from: '-30d', to: 'now' }, interval: 'day', series: [{ id: 'A', aggregate: 'unique' }] };
  return split
    ? address({ ...question, breakdown: [{ cohort: cohort.name }], breakdown_limit: 8 }, '', project)
    : address({ ...question, where: { cohort: cohort.name, op: 'in' } }, '', project);
}
