// Saved questions.
import type { Client } from './api';
import type { Insight, InsightHead, InsightsAnswer, InsightWish } from './openapi';

export const list = (client: Client, signal?: AbortSignal): Promise<InsightHead[]> =>
  client.get<InsightsAnswer>('/v1/insights', {}, signal).then((answer) => answer.insights);

export const open = (client: Client, id: string, signal?: AbortSignal): Promise<Insight> =>
  client.get<Insight>(`/v1/insights/${encodeURIComponent(id)}`, {}, signal);

export const create = (client: Client, wish: InsightWish): Promise<Insight> => client.post<Insight>('/v1/insights', wish);

/** Changes an insight, unless somebody else was faster: the version that was read goes along. */
export const change = (client: Client, insight: Pick<Insight, 'id' | 'version'>, wish: InsightWish): Promise<Insight> =>
  client.patch<Insight>(`/v1/insights/${encodeURIComponent(insight.id)}`, wish, tag(insight));

export const remove = (client: Client, insight: Pick<Insight, 'id' | 'version'>): Promise<void> =>
  client.delete(`/v1/insights/${encodeURIComponent(insight.id)}`, tag(insight));

const tag = (insight: Pick<Insight, 'version'>) => ({ 'If-Match': `"${insight.version}"` });
