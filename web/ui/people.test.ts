// People, their cohorts, and the palette.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Formats } from '../src/lib/format';
import { nameOf } from '../src/lib/people';
import type { Answer, Cohort, CohortsAnswer, PersonEvents, PersonPage, PreviewAnswer, Profile } from '../src/lib/openapi';
import { accessible, fits, hold, launch, open, settle, shot } from './browser';
import { Server } from './server';

let server: Server;
let browser: Browser;
const formats = new Formats('UTC', 'en-GB');

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
  await server.fill(20_000);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const known = async () => (await server.api<PersonPage>('GET', '/v1/persons?limit=50')).people.find((p) => !p.anonymous && p.user_id && p.events > 20)!;

it('finds a person by the beginning of an id, and shows who they are and what they did', async () => {
  const wanted = await known();
  const { page, wrong } = await open(browser, server, '/people');
  await page.getByRole('region', { name: 'The people' }).locator('tbody tr').nth(10).waitFor();
  await shot(page, 'people');
  await page.getByRole('searchbox').fill(wanted.user_id!);
  await page.waitForURL(/search=/);
  await page.getByRole('link', { name: nameOf(wanted), exact: true }).first().click();
  await page.getByRole('heading', { name: nameOf(wanted) }).waitFor();
  const [profile, timeline] = await Promise.all([
    server.api<Profile>('GET', `/v1/persons/${wanted.person}`),
    server.api<PersonEvents>('GET', `/v1/persons/${wanted.person}/events?limit=100`),
  ]);
  expect(await page.locator('.facts div').nth(2).locator('dd').innerText()).toBe(formats.number(profile.events));
  expect(await page.getByRole('region', { name: 'Ids of the person' }).locator('tbody tr').count()).toBe(profile.identities.length);
  const rows = page.locator('#timeline').locator('xpath=ancestor::section[1]').locator('ol li');
  await rows.nth(timeline.events.length - 1).waitFor();
  expect(await rows.locator('b').allInnerTexts()).toEqual(timeline.events.map((e) => e.event || e.kind));
  await shot(page, 'person');
  await rows.first().getByRole('button').click();
  await page.getByRole('dialog').getByText('Happened').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('combobox', { name: 'Only events called' }).click();
  await page.keyboard.type(timeline.events[0]!.event);
  await page.keyboard.press('Enter');
  await expect.poll(async () => new Set(await rows.locator('b').allInnerTexts())).toEqual(new Set([timeline.events[0]!.event]));
  await accessible(page);
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('takes an id out of its person, after saying what that means', async () => {
  const sent = await server.api<{ position: number }>(
    'POST',
    '/v1/events',
    [
      { event: 'opened', anonymous_id: 'lent-phone' },
      { kind: 'identify', anonymous_id: 'lent-phone', user_id: 'lender' },
      { event: 'opened', user_id: 'lender' },
    ],
    server.write,
  );
  await server.api('POST', `/v1/query?consistent_with=${sent.position}`, { kind: 'trends', series: [{ events: ['opened'] }] });
  const { page, wrong } = await open(browser, server, '/people?person=user:lender');
  const ids = page.getByRole('region', { name: 'Ids of the person' }).locator('tbody tr');
  await ids.nth(1).waitFor();
  await ids.filter({ hasText: 'lent-phone' }).getByRole('button').click();
  const sheet = page.getByRole('dialog');
  await sheet.getByText('becomes a person of its own').waitFor();
  await accessible(page);
  await shot(page, 'unlink');
  await sheet.getByRole('button', { name: 'Unlink lent-phone' }).click();
  await sheet.getByText('It is a person of its own now.').waitFor();
  await expect.poll(() => ids.count()).toBe(1);
  expect(await ids.getByRole('button').count()).toBe(0);
  expect((await server.api<Profile>('GET', '/v1/persons/user:lender')).events).toBe(2);
  await sheet.getByRole('link', { name: 'Show that person' }).click();
  await page.getByRole('heading', { name: 'lent-phone' }).waitFor();
  expect((await server.api<Profile>('GET', '/v1/persons/anonymous:lent-phone')).events).toBe(1);
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('builds a cohort, counts it, and asks about it', async () => {
  const { page, wrong } = await open(browser, server, '/cohorts');
  await page.getByRole('link', { name: 'New cohort' }).click();
  await page.getByLabel('Name').fill('Buyers');
  const first = page.getByRole('group', { name: 'Condition 1' });
  await first.getByRole('combobox', { name: 'Event', exact: true }).click();
  await page.keyboard.type('purchase');
  await page.keyboard.press('Enter');
  await first.getByLabel('How often').selectOption('at_least');
  await first.getByRole('spinbutton', { name: 'Times' }).fill('2');
  await page.getByRole('button', { name: '+ What they did' }).click();
  const second = page.getByRole('group', { name: 'Condition 2' });
  await second.getByLabel('People').selectOption('not');
  await second.getByRole('combobox', { name: 'Event', exact: true }).click();
  await page.keyboard.type('signed_up');
  await page.keyboard.press('Enter');
  const definition = {
    and: [
      { did: { events: ['purchase'], at_least: 2, range: { from: '-30d', to: 'now' } } },
      { not: { did: { events: ['signed_up'], range: { from: '-30d', to: 'now' } } } },
    ],
  };
  const told = await server.api<PreviewAnswer>('POST', '/v1/cohorts/preview', { definition });
  expect(told.people).toBeGreaterThan(0);
  const count = page.locator('.count b');
  await expect.poll(() => count.innerText()).toBe(formats.number(told.people));
  await shot(page, 'cohort');
  await accessible(page);
  await page.getByRole('button', { name: 'Create the cohort' }).click();
  await page.waitForURL(/id=\d/);
  const made = (await server.api<CohortsAnswer>('GET', '/v1/cohorts')).cohorts.find((c) => c.name === 'Buyers')!;
  expect((await server.api<Cohort>('GET', `/v1/cohorts/${made.id}`)).definition).toEqual(definition);
  await page.getByRole('link', { name: 'About them in Explore' }).click();
  await settle(page);
  await page.getByRole('button', { name: 'Number', exact: true }).click();
  const question = JSON.parse(new URL(page.url()).searchParams.get('q')!) as { where: object };
  expect(question.where).toEqual({ cohort: 'Buyers', op: 'in' });
  const answer = await server.api<Answer>('POST', '/v1/query', question);
  expect(await page.locator('.picture li b').innerText()).toBe(formats.number(answer.series[0]!.total));
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('gives up counting a cohort, and counts it after all', async () => {
  const { page, wrong } = await open(browser, server, '/cohorts?new=1');
  const release = await hold(page, /cohorts\/preview/);
  await page.getByRole('group', { name: 'Condition 1' }).getByRole('combobox', { name: 'Event', exact: true }).click();
  await page.keyboard.type('purchase');
  await page.keyboard.press('Enter');
  const size = page.getByRole('region', { name: 'Size' });
  await size.getByRole('button', { name: 'Cancel' }).click();
  await size.getByText('Cancelled.').waitFor();
  expect(await size.locator('.count').count()).toBe(0);
  release();
  await size.getByRole('button', { name: 'Count all the same' }).click();
  await size.locator('.count').waitFor();
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('makes a frozen cohort of the people behind a number', async () => {
  const question = { kind: 'funnel', range: { from: '-20d', to: 'now' }, steps: [{ events: ['product_viewed'] }, { events: ['purchase'] }] };
  const { page, wrong } = await open(browser, server, `/explore?q=${encodeURIComponent(JSON.stringify(question))}`);
  const step = page.locator('ol > li').nth(1).getByRole('button').first();
  const count = await step.innerText();
  await step.click();
  await page.getByRole('link', { name: 'Make a cohort' }).click();
  await page.getByLabel('Name').fill('Came to the end');
  await expect.poll(() => page.locator('.count b').innerText()).toBe(count);
  await page.getByRole('button', { name: 'Create the cohort' }).click();
  await page.waitForURL(/id=\d/);
  await page.getByRole('button', { name: 'Freeze anew' }).waitFor();
  await page.getByRole('button', { name: 'Delete …' }).click();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.waitForURL((url) => url.search === '');
  expect((await server.api<CohortsAnswer>('GET', '/v1/cohorts')).cohorts.map((c) => c.name)).not.toContain('Came to the end');
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('draws a map of countries, with the same numbers beside it', async () => {
  const question = { kind: 'trends', range: { from: '-20d', to: 'now' }, interval: 'day', series: [{ id: 'A', events: ['app_opened'], aggregate: 'unique' }] };
  const { page, wrong } = await open(browser, server, `/explore?q=${encodeURIComponent(JSON.stringify(question))}`);
  await settle(page);
  // The tests have no data about addresses, so the server's answer gets countries.
  const countries: [string, number][] = [['DE', 412], ['US', 1307], ['BR', 96], ['RU', 55], ['$none', 7]];
  await page.route('**/v1/query*', async (route) => {
    const asked = route.request().postDataJSON() as { breakdown: unknown; breakdown_limit: number };
    expect(asked).toMatchObject({ breakdown: [{ property: '$country' }], breakdown_limit: 250 });
    const told = await server.api<Answer>('POST', '/v1/query', asked);
    const series = countries.map(([code, total]) => ({ ...told.series[0], breakdown: [code], total }));
    await route.fulfill({ contentType: 'text/event-stream', body: `event: answer\ndata: ${JSON.stringify({ ...told, series })}\n\n` });
  });
  await page.getByRole('button', { name: 'Map', exact: true }).click();
  const list = page.locator('.picture ol li');
  await list.nth(4).waitFor();
  expect(await list.first().innerText()).toMatch(/United States \(US\)\s+1,307/);
  expect(await list.getByRole('button').allInnerTexts()).toEqual(['1,307', '412', '96', '55', '7']);
  expect(await page.locator('.picture path.some').count()).toBe(4);
  await shot(page, 'map');
  await accessible(page);
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('leads anywhere with a few letters', async () => {
  const { page, wrong } = await open(browser, server, '/');
  await settle(page);
  await page.keyboard.press('Control+k');
  await page.getByRole('option').nth(5).waitFor();
  await accessible(page);
  await page.keyboard.type('cohor');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/cohorts/);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('purch');
  await page.keyboard.press('Enter');
  await page.waitForURL(/purchase/);
  await page.keyboard.press('Control+k');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  expect(wrong).toEqual([]);
  await page.context().close();
});

it.each([{ dark: true }, { phone: true }])('is fit for everybody: %j', async (look) => {
  const { page, wrong } = await open(browser, server, '/', look);
  const { person } = await known();
  for (const path of ['/people', `/people?person=${person}`, '/cohorts', '/cohorts?new=1']) {
    await page.goto(server.url + path);
    await settle(page);
    if ('dark' in look) await accessible(page);
    else await fits(page);
    if (path.includes('person=')) await shot(page, 'dark' in look ? 'person-dark' : 'phone-person');
  }
  expect(wrong).toEqual([]);
  await page.context().close();
});
