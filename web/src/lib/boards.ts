// Dashboards.
import type { Client } from './api';
import { append, newID, sizeFor } from './board/grid';
import type { Dashboard, DashboardHead, Insight, DashboardsAnswer, DashboardWish, LinkAnswer } from './openapi';

type Version = Pick<Dashboard, 'id' | 'version'>;

const one = (id: string) => `/v1/dashboards/${encodeURIComponent(id)}`;
const tag = (board: Version) => ({ 'If-Match': `"${board.version}"` });

export const list = (client: Client, signal?: AbortSignal): Promise<DashboardHead[]> =>
  client.get<DashboardsAnswer>('/v1/dashboards', {}, signal).then((answer) => answer.dashboards);

export const open = (client: Client, id: string, signal?: AbortSignal): Promise<Dashboard> => client.get<Dashboard>(one(id), {}, signal);

export const create = (client: Client, wish: DashboardWish): Promise<Dashboard> => client.post<Dashboard>('/v1/dashboards', wish);

/** Changes a dashboard, unless somebody else was faster: the version that was read goes along. */
export const change = (client: Client, board: Version, wish: DashboardWish): Promise<Dashboard> =>
  client.patch<Dashboard>(one(board.id), wish, tag(board));

/** Puts a saved question below all else on a dashboard, or on a new one of that name. */
export async function put(client: Client, insight: Pick<Insight, 'id' | 'kind'>, on: { id: string } | { name: string }): Promise<Dashboard> {
  const tile = { id: 't1', x: 0, y: 0, ...sizeFor(insight.kind), insight: insight.id };
  if (!('id' in on)) return create(client, { name: on.name, tiles: [tile] });
  const board = await open(client, on.id);
  return change(client, board, { tiles: append(board.tiles, { ...tile, id: newID(board.tiles) }) });
}

export const remove = (client: Client, board: Version): Promise<void> => client.delete(one(board.id), tag(board));

/** Makes a public link; the one of before opens nothing any more. */
export const share = (client: Client, id: string): Promise<LinkAnswer> => client.post<LinkAnswer>(`${one(id)}/link`, undefined);

export const unshare = (client: Client, id: string): Promise<void> => client.delete(`${one(id)}/link`);
