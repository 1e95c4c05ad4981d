// What somebody does who is here for the first time: from the printed link to a dashboard with a funnel.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Dashboard, DashboardsAnswer, Insight, LimitsAnswer, Schema } from '../src/lib/openapi';
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

it.each([{}, { phone: true }])('leads from the printed link to a dashboard with a funnel: %j', async (look) => {
  const { page, wrong } = await open(browser, server, '/', { ...look, key: server.link.split('#key=')[1]! });
  await page.getByRole('link', { name: 'Explore' }).click();
  await page.getByRole('radio', { name: /^Funnel/ }).click();
  const steps = page.getByRole('group', { name: /^Step \d/ });
  for (const [i, name] of ['product_viewed', 'purchase'].entries()) {
    await steps.nth(i).getByRole('combobox').click();
    await page.keyboard.type(name);
    await page.keyboard.press('Enter');
  }
  if ('phone' in look) {
    await page.getByRole('button', { name: 'Answer ↓' }).click();
    await expect.poll(() => page.getByRole('region', { name: 'The answer' }).evaluate((e) => e.getBoundingClientRect().top < 60 || e.getBoundingClientRect().bottom < innerHeight + 40)).toBe(true);
  }
  const save = page.getByRole('button', { name: 'Save …' });
  await save.click();
  const key = page.getByRole('textbox', { name: 'Admin key' });
  await accessible(page);
  await key.fill('fa_0000000000000000000000000000000000000000');
  await page.getByRole('dialog').getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('dialog').getByRole('alert').waitFor();
  await key.fill(server.admin);
  await page.getByRole('dialog').getByRole('button', { name: 'Sign in' }).click();
  // The page is where it was, with the question, and goes on with what the key was wanted for.
  const name = `Sales${Object.keys(look).join('')}`;
  await page.getByLabel('Show it on a dashboard').selectOption('new');
  await page.getByLabel('Name of the dashboard').fill(name);
  await accessible(page);
  await page.getByRole('dialog').getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('link', { name, exact: true }).click();
  await page.getByRole('heading', { name, exact: true }).waitFor();
  await page.getByRole('article', { name: 'product_viewed → purchase' }).getByText('converted').waitFor();
  await settle(page);
  if ('phone' in look) await fits(page);
  await shot(page, `first${Object.keys(look).map((k) => `-${k}`).join('')}`);

  const made = (await server.api<DashboardsAnswer>('GET', '/v1/dashboards')).dashboards.find((d) => d.name === name)!;
  const tile = (await server.api<Dashboard>('GET', `/v1/dashboards/${made.id}`)).tiles[0]!;
  const kept = await server.api<Insight>('GET', `/v1/insights/${tile.insight}`);
  expect(kept.question).toMatchObject({ kind: 'funnel', steps: [{ events: ['product_viewed'] }, { events: ['purchase'] }] });
  expect(wrong.filter((text) => !text.includes('401'))).toEqual([]);
  await page.context().close();
});

it('offers the properties of people, with counts and values, and asks about them', async () => {
  const told = (await server.api<Schema>('GET', '/v1/schema')).traits.find((t) => t.key === 'plan')!;
  const { page, wrong } = await open(browser, server, '/explore');
  await settle(page);
  await page.getByRole('button', { name: '+ Filter' }).last().click();
  await page.getByRole('combobox', { name: 'Property' }).click();
  await page.keyboard.type('plan of');
  const option = page.getByRole('listbox', { name: 'Property' }).getByRole('option').first();
  expect(await option.innerText()).toContain(String(told.values[0]!.value));
  expect(await option.innerText()).toMatch(/text · [\d.K]+ people/);
  await shot(page, 'traits');
  await page.keyboard.press('Enter');
  const value = page.getByRole('combobox', { name: 'Value', exact: true });
  expect(await page.locator('datalist option').evaluateAll((all) => all.map((o) => (o as HTMLOptionElement).value))).toEqual(told.values.map((v) => String(v.value)));
  await value.fill(String(told.values[0]!.value));
  await expect.poll(() => JSON.parse(new URL(page.url()).searchParams.get('q') ?? '{}') as object).toMatchObject({
    where: { property: 'plan', of: 'person', op: 'is', value: told.values[0]!.value },
  });
  await accessible(page);
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('shows the limits with what is in use', async () => {
  const { limits } = await server.api<LimitsAnswer>('GET', '/v1/limits');
  const { page, wrong } = await open(browser, server, '/project');
  const row = page.getByRole('region', { name: 'Limits and their use' }).getByRole('row', { name: /column of their own/ });
  const columns = limits.find((l) => l.name === 'property_columns')!;
  await row.waitFor();
  expect(await row.locator('td').allInnerTexts()).toEqual([String(columns.used), String(columns.value), 'store.property_limit']);
  expect(await page.getByRole('region', { name: 'Limits and their use' }).getByRole('row', { name: /Largest single event/ }).innerText()).toMatch(/1 MiB\s+limits.max_event/);
  await page.locator('#limits').scrollIntoViewIfNeeded();
  await shot(page, 'limits');
  await page.setViewportSize({ width: 390, height: 844 });
  await fits(page);
  expect(wrong).toEqual([]);
  await page.context().close();
});
