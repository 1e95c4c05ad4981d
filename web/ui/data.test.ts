// Data that people describe and hold to a plan.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Duplicates, Note, Plan, Schema, TrackingPlan, Violations } from '../src/lib/openapi';
import { Formats } from '../src/lib/format';
import { accessible, fits, hold, launch, open, settle, shot } from './browser';
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

it('lists the properties of people, with when they were set at first and at last', async () => {
  const { traits } = await server.api<Schema>('GET', '/v1/schema');
  expect(traits.length).toBeGreaterThan(0);
  const { page, wrong } = await open(browser, server, '/data');
  await page.getByRole('button', { name: /^Of people/ }).click();
  const formats = new Formats('UTC', 'en-GB');
  const rows = page.getByRole('region', { name: 'What was seen' }).locator('tbody tr');
  const shown = () => rows.evaluateAll((all) => all.map((row) => [...row.children].map((cell) => (cell as HTMLElement).innerText.trim()).filter((_, i) => [0, 2, 3, 4].includes(i))));
  await expect.poll(shown, { timeout: 15_000 }).toEqual(traits.map((t) => [t.key, formats.number(t.people), formats.minute(t.first_seen!), formats.minute(t.last_seen!)]));
  await accessible(page);
  await shot(page, 'schema-people');
  await page.setViewportSize({ width: 390, height: 844 });
  await fits(page);
  expect(wrong).toEqual([]);
  await page.context().close();
});

/** Opens the editor's line of an event. */
async function unfold(page: Page, event: string): Promise<void> {
  await page.getByRole('dialog').getByRole('searchbox', { name: 'Search the plan' }).fill(event);
  await page.getByRole('list', { name: 'Expected events' }).getByRole('button', { name: new RegExp(`^${event} `) }).click();
}

it('makes a plan of what was seen in a form, and says at the field what is refused', async () => {
  const { page, wrong } = await open(browser, server, '/data');
  const seen = await server.api<TrackingPlan>('GET', '/v1/plan/proposal');
  await page.getByRole('button', { name: 'Make a plan of what was seen …' }).click();
  const sheet = page.getByRole('dialog');
  const lines = sheet.getByRole('list', { name: 'Expected events' }).getByRole('listitem');
  await expect.poll(() => lines.count()).toBe(seen.events.length);
  await unfold(page, 'purchase');
  await expect.poll(() => lines.count()).toBe(1);

  // The fields say what the API proposes.
  const [at, purchase] = [...seen.events.entries()].find(([, e]) => e.name === 'purchase')!;
  const of = (key: string) => sheet.getByRole('group', { name: key, exact: true });
  for (const p of purchase.properties!) {
    expect(await of(p.key).getByLabel('Type').inputValue(), p.key).toBe(p.type ?? '');
    expect(await of(p.key).getByLabel('Required').isChecked(), p.key).toBe(p.required ?? false);
  }
  await accessible(page);
  await fits(page);
  await shot(page, 'plan');

  // What the server refuses is said at the field, which has the focus, until it is another value.
  const amount = of('amount');
  await amount.getByLabel('Add a value').fill('many');
  await page.keyboard.press('Enter');
  const save = sheet.getByRole('button', { name: 'Save', exact: true });
  await save.click();
  const number = purchase.properties!.findIndex((p) => p.key === 'amount');
  const said = amount.locator(`[data-field="events[${at}].properties[${number}].values"]`);
  await said.getByText('the value is not a number').waitFor();
  await expect.poll(() => amount.getByLabel('Add a value').evaluate((e) => e === document.activeElement)).toBe(true);
  await accessible(page);
  await amount.getByRole('button', { name: 'Remove many' }).click();
  await said.waitFor({ state: 'detached' });

  const currency = of('currency');
  for (const value of ['EUR', 'USD']) {
    await currency.getByLabel('Add a value').fill(value);
    await page.keyboard.press('Enter');
  }
  await currency.getByLabel('Required').setChecked(true);
  // Work that is not saved is not lost by a key.
  await page.keyboard.press('Escape');
  await sheet.getByRole('button', { name: 'Go on' }).click();
  await amount.getByRole('button', { name: 'Remove amount' }).click();
  await sheet.getByRole('combobox', { name: 'Add a property to purchase' }).click();
  await page.keyboard.type('$app_v');
  await page.keyboard.press('Enter');
  await sheet.getByRole('combobox', { name: 'Add an event' }).click();
  await page.keyboard.type('never_sent');
  await page.keyboard.press('Enter');
  await sheet.getByText('not seen so far').waitFor();
  await save.click();
  await sheet.waitFor({ state: 'detached' });
  await page.getByText('Not seen so far: never_sent').waitFor();
  const kept = (await server.api<Plan>('GET', '/v1/plan')).plan!;
  expect(kept.events).toEqual([
    ...seen.events.slice(0, at),
    {
      name: 'purchase',
      properties: [
        ...purchase.properties!.filter((p) => p.key !== 'amount').map((p) => (p.key === 'currency' ? { ...p, required: true, values: ['EUR', 'USD'] } : p)),
        { key: '$app_version' },
      ],
    },
    ...seen.events.slice(at + 1),
    { name: 'never_sent' },
  ]);
  expect(wrong.filter((text) => !text.includes('400'))).toEqual([]);
  await page.context().close();
});

it('overwrites nothing that somebody else wrote of the plan', async () => {
  const { page, wrong } = await open(browser, server, '/data');
  await page.getByRole('button', { name: 'Change …' }).click();
  const sheet = page.getByRole('dialog');
  await unfold(page, 'never_sent');
  await sheet.getByLabel('Event', { exact: true }).fill('sent_later');
  const { plan } = await server.api<Plan>('GET', '/v1/plan');
  const theirs = { events: [...plan!.events.filter((e) => e.name !== 'never_sent'), { name: 'theirs' }] };
  await server.api('PUT', '/v1/plan', theirs);
  // The page hears of it, and the editor still knows what it began with.
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await page.getByText('Not seen so far: theirs').waitFor();
  await sheet.getByRole('button', { name: 'Save', exact: true }).click();
  await sheet.getByText('It is otherwise now: never_sent, theirs.').waitFor();
  expect((await server.api<Plan>('GET', '/v1/plan')).plan).toEqual(theirs);
  await accessible(page);
  await sheet.getByRole('button', { name: 'Go on with theirs' }).click();
  await sheet.getByRole('button', { name: /^theirs / }).waitFor();
  expect(await sheet.getByRole('button', { name: /^sent_later / }).count()).toBe(0);
  await sheet.getByRole('button', { name: 'Remove theirs' }).click();
  await sheet.getByRole('button', { name: 'Save', exact: true }).click();
  await sheet.waitFor({ state: 'detached' });
  expect((await server.api<Plan>('GET', '/v1/plan')).plan!.events.some((e) => e.name === 'theirs')).toBe(false);
  expect(wrong.filter((text) => !text.includes('412'))).toEqual([]);
  await page.context().close();
});

it('takes a plan as JSON, and tells what arrives otherwise', async () => {
  const { page, wrong } = await open(browser, server, '/data');
  await page.getByRole('button', { name: 'Change …' }).click();
  const sheet = page.getByRole('dialog');
  await sheet.getByRole('button', { name: 'JSON' }).click();
  const text = sheet.getByLabel('The plan as JSON');
  const plan = JSON.parse(await text.inputValue()) as TrackingPlan;
  expect(plan).toEqual((await server.api<Plan>('GET', '/v1/plan')).plan);
  await accessible(page);
  await text.fill('{"events":[{"name":"purchase","properties":[{"key":"revenue","type":"euro"}]}]}');
  // Neither the form nor the server takes it, and both say where.
  for (const name of ['Form', 'Save']) {
    await sheet.getByRole('button', { name, exact: true }).click();
    await sheet.getByText('events[0].properties[0].type').waitFor();
    await text.press('End');
    await text.pressSequentially(' ');
    await sheet.getByText('events[0].properties[0].type').waitFor({ state: 'detached' });
  }
  plan.events = plan.events.filter((e) => e.name !== 'purchase');
  await text.fill(JSON.stringify({ events: [...plan.events, { name: 'never_sent' }] }));
  await sheet.getByRole('button', { name: 'Form', exact: true }).click();
  await sheet.getByRole('button', { name: /^never_sent / }).waitFor();
  await sheet.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('Not seen so far: never_sent').waitFor();

  const table = page.getByRole('region', { name: 'What is not as planned' });
  const row = table.getByRole('row', { name: /^purchase.*not in the plan/ }).first();
  await row.waitFor();
  // Of the numbers of the API, and the same.
  const told = await server.api<Violations>('GET', '/v1/plan/violations');
  expect(told.violations.some((v) => v.event === 'purchase' && v.reason === 'unexpected_event')).toBe(true);
  await expect.poll(() => table.locator('tbody tr').count()).toBe(told.violations.length);
  await page.getByText(new RegExp(`^${told.violating} of `)).waitFor();
  await row.getByRole('button').click();
  await page.getByRole('dialog').getByRole('heading', { name: 'purchase' }).waitFor();
  expect(await page.getByRole('dialog').locator('pre').innerText()).toContain(told.violations.find((v) => v.event === 'purchase')!.sample);
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
  // Until the answer is there, the words are those of the one that is shown.
  const release = await hold(page, /duplicates.*interval=hour/);
  await page.getByRole('button', { name: 'Hours', exact: true }).click();
  await expect.poll(() => table.getAttribute('aria-busy')).toBe('true');
  expect(await page.getByText('by day of receipt').count()).toBe(1);
  release();
  await page.getByText('by hour of receipt').waitFor();
  await table.getByRole('row', { name: /^All\s+3/ }).waitFor();
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('lets a read key look only', async () => {
  const { page, wrong } = await open(browser, server, '/data', { key: server.link.split('#key=')[1] });
  await page.getByRole('region', { name: 'What was seen' }).getByRole('row', { name: /^purchase/ }).waitFor();
  expect(await page.getByRole('button', { name: /^Describe/ }).count()).toBe(0);
  expect(wrong).toEqual([]);
  await page.context().close();
});

it.each([{}, { dark: true }, { phone: true }])('is accessible and fits: %j', async (look) => {
  const { page, wrong } = await open(browser, server, '/data', look);
  await settle(page);
  await accessible(page);
  await fits(page);
  await shot(page, `governed${look.dark ? '-dark' : look.phone ? '-phone' : ''}`);
  expect(wrong).toEqual([]);
  await page.context().close();
});
