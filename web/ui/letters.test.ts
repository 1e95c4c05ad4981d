// Dead letters that can be read once a limit is raised: replayed from the page, and counted.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Answer } from '../src/lib/openapi';
import type { DeadLetterPage, Ledger } from '../src/lib/types';
import { accessible, hold, launch, open, settle, shot } from './browser';
import { Server } from './server';

let server: Server;
let browser: Browser;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start('--limits-max-depth=4'), launch()]);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const letters = () => server.api<DeadLetterPage>('GET', '/v1/deadletters');
const ledger = () => server.api<Ledger>('GET', '/v1/ledger?from=-24h&to=now');
const bought = async () =>
  (await server.api<Answer>('POST', '/v1/query', { range: { from: '-1d' }, series: [{ events: ['bought'] }] })).series[0]!.total;

it('replays what a raised limit lets through, once, and the ledger balances', async () => {
  // Two events that are nested too deep, one that stays unreadable, and a good one.
  const deep = (id: string) => ({ event: 'bought', user_id: 'u', id, properties: { cart: { items: [{ of: { a: 1 } }] } } });
  const other = { event: 'bought', user_id: 'u', properties: { note: '\u0000' } };
  await server.api('POST', '/v1/events', [deep('one'), deep('two'), other, { event: 'bought', user_id: 'u' }], server.write);
  await expect.poll(async () => (await letters()).dead_letters.length).toBe(3);
  expect((await letters()).dead_letters.map((l) => l.code).sort()).toEqual(['nul_byte', 'too_deep', 'too_deep']);
  expect(await bought()).toBe(1);

  const first = await open(browser, server, '/data');
  const release = await hold(first.page, /deadletters.*code=too_deep/);
  await first.page.getByRole('button', { name: 'too_deep' }).first().click();
  // Until the answer is there, the words are those of the one that is shown.
  expect(await first.page.getByRole('button', { name: 'Replay all …' }).isDisabled()).toBe(true);
  expect(await first.page.getByText('only too_deep').count()).toBe(0);
  release();
  await first.page.getByText('only too_deep').waitFor();
  await first.page.getByRole('button', { name: 'Replay these …' }).click();
  const sheet = first.page.getByRole('dialog');
  await sheet.getByText('2 still cannot be read, and stay').waitFor();
  expect(await sheet.getByRole('button', { name: /^Replay \d/ }).count()).toBe(0);
  await first.page.context().close();

  await server.restart('--limits-max-depth=32');
  const { page, wrong } = await open(browser, server, '/data');
  await page.getByRole('button', { name: 'Replay all …' }).click();
  await page.getByText('2 can be read now').waitFor();
  await page.getByText('1 still cannot be read, and stay').waitFor();
  await accessible(page);
  await page.getByRole('dialog').getByRole('button', { name: 'Replay 2', exact: true }).click();
  await page.getByText('2 were taken').waitFor();
  await expect.poll(bought).toBe(3);
  await page.keyboard.press('Escape');

  // Once more is no event more.
  await page.getByRole('button', { name: 'too_deep' }).first().click();
  await page.getByRole('button', { name: 'Replay these …' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Replay 2', exact: true }).click();
  await page.getByText('2 were taken').waitFor();
  await page.keyboard.press('Escape');
  await expect.poll(async () => (await ledger()).total.duplicate).toBe(2);
  expect(await bought()).toBe(3);
  const told = await ledger();
  expect(told).toMatchObject({ balanced: true, total: { accepted: 8, stored: 3, dead_lettered: 3 } });
  await page.getByRole('button', { name: 'All reasons' }).click();
  await page.reload();
  await settle(page);
  await page.locator('#ledger').scrollIntoViewIfNeeded();
  await page.getByText('✓ Balanced').waitFor();
  await shot(page, 'ledger');
  await page.getByRole('button', { name: '7 days' }).click();
  await page.getByText(/^last 7 days: accepted/).waitFor();
  await page.getByRole('region', { name: 'The ledger by hour' }).getByRole('row', { name: /^Together 8 3 2 3/ }).waitFor();
  expect(wrong).toEqual([]);
  await page.context().close();
});
