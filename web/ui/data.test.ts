// Data that people describe and hold to a plan.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Duplicates, Note, Schema, TrackingPlan, Violations } from '../src/lib/openapi';
import { accessible, fits, launch, open, settle, shot } from './browser';
import { Server } from './server';

let server: Server;
let browser: Browser;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
  await server.fill(5_000);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

it('describes an event, and shows it where events are chosen', async () => {
  const { page, wrong } = await open(browser, server, '/data');
  await page.getByRole('button', { name: 'Describe purchase …' }).click();
  await page.getByLabel('What it means').fill('An order that was paid.');
  await page.getByLabel('Who answers for it').fill('Growth');
  await accessible(page);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  const row = page.getByRole('row', { name: /^purchase/ });
  expect(await row.innerText()).toMatch(/An order that was paid\.[\s\S]*Growth/);
  // Somebody else is faster: nothing is overwritten.
  await page.getByRole('button', { name: 'Change purchase …' }).click();
  await server.api<Note>('PATCH', '/v1/schema/events/purchase', { owner: 'Sales' });
  await page.getByLabel('Who answers for it').fill('Nobody');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('dialog').getByText('note_changed').waitFor();
  expect((await server.api<Schema>('GET', '/v1/schema')).events.find((e) => e.name === 'purchase')).toMatchObject({ owner: 'Sales', note_version: 2 });
  expect(wrong.filter((text) => !text.includes('412'))).toEqual([]);
  await page.goto(`${server.url}/explore`);
  await settle(page);
  await page.getByRole('combobox', { name: 'Event', exact: true }).first().click();
  await page.keyboard.type('was paid');
  expect(await page.getByRole('listbox', { name: 'Event', exact: true }).first().getByRole('option').allInnerTexts()).toEqual([expect.stringMatching(/purchase\s*An order that was paid\. \(Sales\)/)]);
  await accessible(page);
  await page.context().close();
});

it('makes a plan of what was seen, and tells what is otherwise', async () => {
  const { page, wrong } = await open(browser, server, '/data');
  await page.getByRole('button', { name: 'Make a plan of what was seen …' }).click();
  const text = page.getByLabel('The plan as JSON');
  const plan = JSON.parse(await text.inputValue()) as TrackingPlan;
  expect(plan.events.find((e) => e.name === 'purchase')?.properties?.some((p) => p.required)).toBe(true);
  await accessible(page);
  // What the server refuses is said, with its place.
  await text.fill('{"events":[{"name":"purchase","properties":[{"key":"revenue","type":"euro"}]}]}');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('dialog').getByText('events[0].properties[0].type').waitFor();
  plan.events = plan.events.filter((e) => e.name !== 'purchase');
  await text.fill(JSON.stringify({ events: [...plan.events, { name: 'never_sent' }] }));
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('Not seen so far: never_sent').waitFor();
  const table = page.getByRole('region', { name: 'What is not as planned' });
  const row = table.getByRole('row', { name: /^purchase.*not in the plan/ }).first();
  await row.waitFor();
  // Of the numbers of the API, and the same.
  const told = await server.api<Violations>('GET', '/v1/plan/violations');
  expect(told.violations.every((v) => v.event === 'purchase' && v.reason === 'unexpected_event')).toBe(true);
  expect(await table.locator('tbody tr').count()).toBe(told.violations.length);
  await page.getByText(new RegExp(`^${told.violating} of `)).waitFor();
  await row.getByRole('button').click();
  await page.getByRole('dialog').getByRole('heading', { name: 'purchase' }).waitFor();
  expect(await page.getByRole('dialog').locator('pre').innerText()).toContain(told.violations[0]!.sample);
  await page.keyboard.press('Escape');
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export' }).click()]);
  expect(file.suggestedFilename()).toBe('tracking-plan.json');
  await row.getByRole('link', { name: 'purchase' }).click();
  await page.waitForURL(/explore/);
  await settle(page);
  expect(wrong.filter((text) => !text.includes('400'))).toEqual([]);
  await page.context().close();
});

it('tells which SDKs send events twice', async () => {
  const send = (id: string, version: string) =>
    server.api('POST', '/v1/batch', { batch: [{ type: 'track', event: 'opened', userId: 'u', messageId: id, context: { library: { name: 'analytics-swift', version } } }] }, server.write);
  for (const [id, version] of [['a', '1.4.1'], ['a', '1.4.1'], ['a', '1.5.0'], ['b', '1.5.0'], ['b', '1.5.0']] as const) await send(id, version);
  const counted = async () => (await server.api<Duplicates>('GET', '/v1/ledger/duplicates')).sdks.map((sdk) => [sdk.library_version, sdk.duplicates]);
  await expect.poll(counted, { timeout: 20_000 }).toEqual([['1.5.0', 2], ['1.4.1', 1]]);
  const { page, wrong } = await open(browser, server, '/data');
  const table = page.getByRole('region', { name: 'Duplicates by SDK and time' });
  await table.getByRole('row', { name: /analytics-swift 1\.5\.0 2/ }).waitFor();
  await page.getByRole('button', { name: 'Hours' }).click();
  await page.getByText('by hour of receipt').waitFor();
  await table.getByRole('row', { name: /^All\s+3/ }).waitFor();
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('lets a read key look only', async () => {
  const { page, wrong } = await open(browser, server, '/data', { key: server.link.split('#key=')[1] });
  await page.getByRole('row', { name: /^purchase/ }).waitFor();
  expect(await page.getByRole('button', { name: /^Describe/ }).count()).toBe(0);
  expect(wrong).toEqual([]);
  await page.context().close();
});

it.each([{}, { dark: true }, { phone: true }])('is accessible and fits: %j', async (look) => {
  const { page, wrong } = await open(browser, server, '/data', look);
  await settle(page);
  await accessible(page, look.dark);
  await fits(page);
  await shot(page, `governed${look.dark ? '-dark' : look.phone ? '-phone' : ''}`);
  expect(wrong).toEqual([]);
  await page.context().close();
});
