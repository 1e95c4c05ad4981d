// Dashboards by the API and in the page, for the tests of both who make them and who look at them.
import type { Page } from 'playwright-core';
import type { Dashboard, DashboardsAnswer } from '../src/lib/openapi';
import { accessible, fits, settle, shot, type Look } from './browser';
import type { Server } from './server';

export const boards = async (server: Server) => (await server.api<DashboardsAnswer>('GET', '/v1/dashboards')).dashboards;
export const board = async (server: Server, id: string) => server.api<Dashboard>('GET', `/v1/dashboards/${id}`);

/** Makes a dashboard from a template in the page, and returns its id. */
export async function fromTemplate(page: Page, name: RegExp): Promise<string> {
  await page.getByRole('button', { name: /New dashboard|Make the first one/ }).first().click();
  await page.getByRole('dialog').getByRole('button', { name }).click();
  await page.waitForURL(/board=/);
  await settle(page);
  return new URL(page.url()).searchParams.get('board')!;
}

/** Goes through all dashboards that there are, and further pages: each is accessible, and no wider than a phone. */
export async function presentable(server: Server, page: Page, look: Look, ...further: string[]): Promise<void> {
  const all = await boards(server);
  for (const path of ['/dashboards', ...all.map((b) => `/dashboards?board=${b.id}`), ...further]) {
    await page.goto(server.url + path);
    await settle(page);
    if (!look.dark) await accessible(page);
    if (look.phone) await fits(page);
    if (path.includes(all.at(-1)!.id)) await shot(page, `dashboard${Object.keys(look).map((key) => `-${key}`).join('')}-theme`);
  }
}
