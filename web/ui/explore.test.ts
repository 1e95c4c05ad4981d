// What Explore tells about a question, and taking changes back.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Answer, Outline, Schema } from '../src/lib/openapi';
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

const at = (question: object) => `/explore?q=${encodeURIComponent(JSON.stringify(question))}`;

it('shows the SQL that the API tells, and what becomes of the rows', async () => {
  const question = {
    kind: 'funnel', range: { from: '-20d', to: '-1d' }, window: '7d', steps: [{ events: ['product_viewed'] }, { events: ['purchase'] }],
    breakdown: [{ property: 'amount' }], breakdown_limit: 5,
  };
  const { page, wrong } = await open(browser, server, at(question));
  await settle(page);
  await page.getByRole('button', { name: 'SQL', exact: true }).click();
  const shown = page.getByRole('region', { name: 'The SQL' });
  const asked = JSON.parse(new URL(page.url()).searchParams.get('q')!) as object;
  const told = await server.api<Outline>('POST', '/v1/query/plan', asked);
  const squeezed = (text: string) => text.replace(/\s+/g, '');
  expect(squeezed(await shown.getByRole('region', { name: 'SQL of statement 1' }).innerText())).toBe(squeezed(told.statements[0]!.sql));
  expect(await shown.locator('dd').allInnerTexts()).toEqual(told.statements[0]!.parameters.map((p) => `'${String(p)}'`));
  expect(await shown.getByRole('list', { name: 'What becomes of the rows' }).locator('li').allInnerTexts()).toEqual(told.how);
  await shot(page, 'sql');
  await accessible(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await fits(page);
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('says why a map is empty, and asks about money that it cannot find', async () => {
  const { page, wrong } = await open(browser, server, at({ kind: 'trends', series: [{ events: ['hello'] }], breakdown: [{ property: '$country' }], breakdown_limit: 250 }));
  await server.api('POST', '/v1/events', [{ event: 'hello', user_id: 'u' }], server.write);
  await page.getByRole('button', { name: 'Map', exact: true }).click();
  await page.getByText('No country is known of these events.').waitFor();
  await page.getByText('geo_file').waitFor();
  await accessible(page);

  const schema = await server.api<Schema>('GET', '/v1/schema');
  await page.route(/\/v1\/schema/, (route) => route.fulfill({ json: { ...schema, properties: schema.properties.filter((p) => !p.types.includes('number')) } }));
  await page.goto(`${server.url}/explore`);
  await page.getByRole('button', { name: /^Revenue/ }).click();
  await page.getByText(/Choose the event, and its property/).waitFor();
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('undoes and redoes changes of a question, by button and by key', async () => {
  const { page, wrong } = await open(browser, server, at({ kind: 'trends', range: { from: '-7d', to: 'now' }, series: [{ events: ['app_opened'] }] }));
  await settle(page);
  const undo = page.getByRole('button', { name: /^Undo/ });
  const redo = page.getByRole('button', { name: /^Redo/ });
  expect([await undo.isDisabled(), await redo.isDisabled()]).toEqual([true, true]);
  const what = page.locator('.show select').first();
  await what.selectOption('unique');
  await expect.poll(() => undo.innerText()).toMatch(/number shown of series/);
  await page.getByRole('button', { name: 'Bars', exact: true }).click();
  await expect.poll(() => undo.innerText()).toMatch(/picture/);
  await page.getByRole('radio', { name: /^Funnel/ }).click();
  await expect.poll(() => undo.innerText()).toMatch(/kind: Funnel/);

  await page.keyboard.press('Control+z');
  await page.getByText('Undone: kind: Funnel').waitFor({ state: 'attached' });
  expect(await page.getByRole('radio', { name: /^Trends/ }).getAttribute('aria-checked')).toBe('true');
  await undo.click();
  expect(await page.getByRole('button', { name: 'Lines', exact: true }).getAttribute('aria-pressed')).toBe('true');
  await undo.click();
  expect(await what.inputValue()).toBe('total');
  await page.keyboard.press('Control+Shift+z');
  expect(await what.inputValue()).toBe('unique');
  await expect.poll(() => new URL(page.url()).searchParams.get('q')).toContain('unique');

  // In a field that is typed into, the keys are the field's.
  await page.getByRole('button', { name: '+ Filter' }).first().click();
  const value = page.getByRole('textbox', { name: 'Value', exact: true });
  await value.fill('pro');
  await page.keyboard.press('Control+z');
  expect(await value.inputValue()).toBe('');
  expect(await what.inputValue()).toBe('unique');
  await accessible(page);
  await shot(page, 'undo');
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('says when totals are no sums, and keeps a property that is read as a number', async () => {
  const where = { property: 'amount', as: 'number', op: 'gte', value: 1 };
  const question = {
    kind: 'trends', range: { from: '-20d', to: '-1d' }, series: [{ events: ['purchase'], aggregate: 'unique' }], where, breakdown: [{ property: '$os' }],
  };
  const { page, wrong } = await open(browser, server, at(question));
  await settle(page);
  expect(await page.getByText(/A total counts everybody once.*Somebody may be in several lines/).count()).toBe(1);
  expect((JSON.parse(new URL(page.url()).searchParams.get('q')!) as typeof question).where).toEqual(where);
  const answer = await server.api<Answer>('POST', '/v1/query', question);
  for (const line of answer.series) expect(line.total).toBeLessThanOrEqual(line.values.reduce<number>((sum, v) => sum + (v ?? 0), 0));
  await shot(page, 'totals');
  await accessible(page);
  expect(wrong).toEqual([]);
  await page.context().close();
});
