// axe finds nothing wherever somebody comes: pages with and without events, every picture, dialogs, mistakes, and a server that is
// away, in both themes.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Cohort, Dashboard, PersonPage, LinkAnswer } from '../src/lib/openapi';
import { accessible, launch, open, settle, shot } from './browser';
import { Server } from './server';

let server: Server;
let empty: Server;
let browser: Browser;
let [board, cohort, person] = ['', '', ''];

beforeAll(async () => {
  [server, empty, browser] = await Promise.all([Server.start(), Server.start(), launch()]);
  await server.fill(5_000);
  cohort = (await server.api<Cohort>('POST', '/v1/cohorts', { name: 'Buyers', definition: { did: { events: ['purchase'], at_least: 1, range } } })).id;
  person = (await server.api<PersonPage>('GET', '/v1/persons?limit=1')).people[0]!.person;
  const tiles = [
    { id: 'a', x: 0, y: 0, w: 6, h: 5, question: trends }, { id: 'b', x: 6, y: 0, w: 6, h: 5, question: funnel },
    { id: 'c', x: 0, y: 5, w: 6, h: 5, question: retention }, { id: 'd', x: 6, y: 5, w: 6, h: 3, text: '# Why\n**Because** it *is*.\n- one\n- [two](https://example.com)' },
  ];
  board = (await server.api<Dashboard>('POST', '/v1/dashboards', { name: 'All', tiles })).id;
  await server.api('POST', '/v1/insights', { name: 'Buying', question: funnel });
});
afterAll(async () => {
  await browser?.close();
  await Promise.all([server?.stop(), empty?.stop()]);
});

const at = (question: object, view = '') => `/explore?q=${encodeURIComponent(JSON.stringify(question))}${view && `&view=${view}`}`;
const range = { from: '-14d', to: '-1d' };
const opened = { events: ['app_opened'] };
const steps = [{ events: ['product_viewed'] }, { events: ['purchase'] }];
const split = { breakdown: [{ property: '$os' }], breakdown_limit: 3 };
const trends = { kind: 'trends', range, interval: 'day', series: [{ id: 'A', ...opened, aggregate: 'unique' }] };
const funnel = { kind: 'funnel', range, window: '7d', steps };
const retention = { kind: 'retention', range, start: opened, return: opened, periods: 5 };
const pictures = [
  at({ ...trends, compare: 'previous', ...split }), at(trends, 'bar'), at({ ...trends, compare: 'previous' }, 'number'), at(trends, 'table'),
  at({ ...trends, breakdown: [{ property: '$country' }], breakdown_limit: 250 }, 'map'),
  at({ ...funnel, compare: 'previous' }), at({ ...funnel, ...split }), at({ ...funnel, show: 'trend' }), at({ ...funnel, show: 'time_to_convert', ...split }),
  at({ ...funnel, show: 'window' }), at(retention), at(retention, 'curve'), at({ kind: 'lifecycle', range, active: opened, ...split }),
  at({ kind: 'stickiness', range, active: opened, mode: 'ratio', ...split }), at({ kind: 'paths', range, from: opened, depth: 3, nodes: 4 }),
  at({ kind: 'sessions', range }, 'average'), at({ kind: 'sessions', range }, 'table'),
];

async function sweep(page: Page, origin: string, paths: string[]): Promise<void> {
  for (const path of paths) {
    await page.goto(origin + path);
    await settle(page);
    await accessible(page);
  }
}

it('on pages with events', async () => {
  const { page, wrong } = await open(browser, server, '/');
  await sweep(page, server.url, [
    '/', '/explore', '/dashboards', `/dashboards?board=${board}`, '/saved', '/people', '/people?search=nobody-is-called-so', `/people?person=${person}`,
    '/cohorts', '/cohorts?new=1', `/cohorts?id=${cohort}`, '/data', '/project', '/operations',
  ]);
  const link = await server.api<LinkAnswer>('POST', `/v1/dashboards/${board}/link`);
  await page.goto('about:blank');
  await page.goto(`${server.url}/shared#${link.token}`);
  await page.getByRole('heading', { name: 'All' }).waitFor();
  await settle(page);
  await accessible(page);
  await page.goto('about:blank');
  await page.goto(`${server.url}/shared#fd_none`);
  await page.getByText(/this link opens nothing/).waitFor();
  await accessible(page);
  expect(wrong.filter((text) => !text.includes('404'))).toEqual([]);
  await page.context().close();
}, 240_000);

it('in every picture', async () => {
  const { page, wrong } = await open(browser, server, '/');
  await sweep(page, server.url, pictures);
  expect(wrong).toEqual([]);
  await page.context().close();
}, 240_000);

it('in dialogs and what unfolds', async () => {
  const { page, wrong } = await open(browser, server, at(funnel));
  await settle(page);
  const dialog = page.getByRole('dialog');
  const inside = async (wait: RegExp | string) => {
    await dialog.getByText(wait).first().waitFor();
    await accessible(page);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
  };
  await page.locator('.picture ol').getByRole('button').first().click();
  await dialog.getByRole('button', { name: /^Why\?/ }).first().click();
  await inside(/^Counted/);
  await page.getByRole('button', { name: 'Save …' }).click();
  await inside('Name');
  for (const name of ['Request', 'SQL']) {
    await page.getByRole('button', { name, exact: true }).click();
    await page.getByRole('button', { name, exact: true, expanded: true }).waitFor();
    await accessible(page);
  }
  await page.getByRole('button', { name: '+ Filter' }).last().click();
  await page.getByRole('group', { name: 'Condition 1' }).getByRole('combobox', { name: 'Property' }).click();
  await page.locator('[role="option"]:visible').nth(3).waitFor();
  await accessible(page);
  await page.keyboard.press('Escape');
  await page.goto(server.url + '/');
  await settle(page);
  await page.keyboard.press('?');
  await inside('Esc');
  await page.keyboard.press('Control+k');
  await page.locator('[role="option"]:visible').nth(5).waitFor();
  await accessible(page);
  await page.keyboard.press('Escape');
  await page.goto(`${server.url}/dashboards`);
  await settle(page);
  await page.getByRole('button', { name: 'New dashboard' }).click();
  await inside(/Revenue/);
  await page.goto(`${server.url}/dashboards?board=${board}`);
  await settle(page);
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  await accessible(page);
  await page.getByRole('button', { name: '+ Question' }).click();
  await inside('Buying');
  await page.goto(`${server.url}/data`);
  await settle(page);
  await page.getByRole('button', { name: 'Describe purchase …' }).click();
  await inside('What it means');
  await page.getByRole('button', { name: 'Make a plan of what was seen …' }).click();
  await dialog.getByRole('list', { name: 'Expected events' }).getByRole('button').first().click();
  await accessible(page);
  expect(wrong).toEqual([]);
  await page.context().close();
}, 240_000);

it('with a mistake in the question', async () => {
  const { page } = await open(browser, server, at({ ...trends, series: [{ aggregate: 'sum', property: 'nobody_sent_this' }] }));
  await page.locator('[data-field="series[0]"]').waitFor();
  await accessible(page);
  await page.context().close();
});

const kinds = ['trends', 'retention', 'lifecycle', 'stickiness', 'paths', 'sessions'].map((kind) => at({ kind }));
const everywhere = ['/', '/explore', ...kinds, '/dashboards', '/saved', '/people', '/cohorts', '/data', '/project', '/operations'];

it('without events', async () => {
  const { page, wrong } = await open(browser, empty, '/');
  await sweep(page, empty.url, everywhere);
  expect(wrong).toEqual([]);
  await page.context().close();
}, 240_000);

it('while it waits, and when the server is away', async () => {
  const { page } = await open(browser, empty, '/');
  let state: 'held' | 'away' = 'held';
  await page.route('**/v1/**', async (route) => {
    if (/\/v1\/(me|projects)(\?|$)/.test(route.request().url())) return route.continue();
    if (state === 'away') return route.abort('connectionrefused');
    return undefined;
  });
  for (const path of ['/', '/explore', '/people', '/data', '/operations']) {
    await page.goto(empty.url + path);
    await page.locator('#main h1').waitFor();
    await page.getByText(/Loading …|Looking …|Connecting …/).first().waitFor();
    await accessible(page);
  }
  state = 'away';
  for (const path of everywhere) {
    await page.goto(empty.url + path);
    await page.locator('main').getByText('the server cannot be reached').first().waitFor();
    await accessible(page);
  }
  await page.context().close();
}, 240_000);

it('where somebody signs in', async () => {
  const context = await browser.newContext({ reducedMotion: 'reduce', locale: 'en-GB' });
  const page = await context.newPage();
  await page.goto(empty.url);
  const key = page.getByLabel('Key');
  await key.waitFor();
  await accessible(page);
  await shot(page, 'signin');
  await key.fill('nonsense');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').waitFor();
  await accessible(page);
  await key.fill(`fa_${'0'.repeat(40)}`);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('.problem').waitFor();
  await accessible(page);
  await page.route('**/v1/me*', (route) => route.abort('connectionrefused'));
  await key.fill(empty.admin);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Try again' }).waitFor();
  await accessible(page);
  await context.close();
});
