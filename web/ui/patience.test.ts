// What takes its time: it says how far it is, can be given up, ends on the server then, and can be asked for again.
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Cohort, PersonPage } from '../src/lib/openapi';
import { accessible, launch, open, shot } from './browser';
import { Front } from './front';
import { Server } from './server';

let server: Server;
let browser: Browser;
let front: Front;
let person = '';
let cohort = '';

const definition = { did: { events: ['purchase'] } };
const buyers = { kind: 'trends', range: { from: '-7d', to: 'now' }, series: [{ id: 'A', events: ['purchase'], aggregate: 'unique' }] };
const numbers = `/explore?q=${encodeURIComponent(JSON.stringify(buyers))}&view=number`;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
  await server.fill(5_000);
  front = await Front.before(server);
  await server.api('PUT', '/v1/plan', { events: [{ name: 'app_opened' }] });
  cohort = (await server.api<Cohort>('POST', '/v1/cohorts', { name: 'Buyers', definition })).id;
  person = (await server.api<PersonPage>('GET', '/v1/persons')).people[0]!.person;
});
afterAll(async () => {
  await browser?.close();
  await front?.close();
  await server?.stop();
});

type Case = {
  what: string;
  slow: () => RegExp;
  path: () => string;
  /** What somebody does to ask for it. */
  go?: (page: Page) => Promise<void>;
  /** Where it is waited for. */
  at?: (page: Page) => Locator;
  retry?: string;
  /** What is there in the end. */
  shows: (page: Page) => Locator;
};

const behind = (page: Page) => page.locator('.picture li').getByRole('button').first().click();

const cases: Case[] = [
  { what: 'a question', slow: () => /\/v1\/query\?/, path: () => '/explore', retry: 'Ask again', shows: (page) => page.locator('.picture canvas') },
  {
    what: 'the judging of a plan', slow: () => /\/plan\/violations/, path: () => '/data', at: (page) => page.getByRole('region', { name: 'Tracking plan' }), retry: 'Judge again',
    shows: (page) => page.getByText(/are not as planned/),
  },
  { what: 'a search for people', slow: () => /\/v1\/persons\?/, path: () => '/people?search=a', shows: (page) => page.getByText(/^(\d+ people|Nobody has an id)/).first() },
  {
    what: 'a person', slow: () => new RegExp(`/v1/persons/${person}(\\?|$)`), path: () => `/people?person=${person}`,
    shows: (page) => page.getByRole('region', { name: 'Ids of the person' }),
  },
  {
    what: 'a timeline', slow: () => /\/v1\/persons\/\d+\/events/, path: () => `/people?person=${person}`, at: (page) => page.getByRole('region', { name: 'Timeline' }),
    shows: (page) => page.getByRole('region', { name: 'Timeline' }).locator('ol li').first(),
  },
  {
    what: 'the cohorts of a person', slow: () => /\/v1\/persons\/\d+\/cohorts/, path: () => `/people?person=${person}`,
    at: (page) => page.getByRole('region', { name: 'Cohorts' }), shows: (page) => page.getByRole('region', { name: 'Cohorts' }).locator('li'),
  },
  {
    what: 'the people of a cohort', slow: () => /\/v1\/cohorts\/\d+\/people/, path: () => `/cohorts?id=${cohort}`, at: (page) => page.getByRole('region', { name: 'Members' }),
    shows: (page) => page.getByRole('region', { name: 'Members' }).getByRole('link').first(),
  },
  {
    what: 'the size of a cohort', slow: () => /\/v1\/cohorts\/preview/, path: () => `/cohorts?new=1&define=${encodeURIComponent(JSON.stringify(definition))}`,
    at: (page) => page.getByRole('region', { name: 'Size' }), retry: 'Count all the same', shows: (page) => page.locator('.count'),
  },
  {
    what: 'people behind a number', slow: () => /\/v1\/people\?/, path: () => numbers, go: behind, at: (page) => page.getByRole('dialog'),
    shows: (page) => page.getByRole('dialog').getByText(/^[\d,]+ (person|people)/),
  },
  {
    what: 'why somebody is there', slow: () => /\/v1\/people\/explain/, path: () => numbers, at: (page) => page.getByRole('dialog'),
    go: async (page) => {
      await behind(page);
      await page.getByRole('button', { name: /^Why\?/ }).first().click();
    },
    shows: (page) => page.getByRole('dialog').getByText(/^Counted/),
  },
];

it.each(cases)('says how far $what is, and gives it up', async ({ what, slow, path, go, at, retry = 'Look again', shows }) => {
  front.slow = slow();
  front.left = 0;
  const { page, wrong } = await open(browser, front.server, path());
  await go?.(page);
  const where = at?.(page) ?? page.locator('main');
  await where.getByRole('status').filter({ hasText: 'Reading 25%, 2.5m rows for' }).waitFor();
  await accessible(page);
  await shot(page, what === 'a question' ? 'progress' : `progress-${what.replaceAll(' ', '-')}`);
  const held = front.left;
  await where.getByRole('button', { name: 'Cancel', exact: true }).click();
  await where.getByText('Cancelled.').waitFor();
  await expect.poll(() => front.left).toBeGreaterThan(held);
  await accessible(page);
  front.slow = undefined;
  await where.getByRole('button', { name: retry }).click();
  await shows(page).waitFor();
  expect(await where.getByText('Cancelled.').count()).toBe(0);
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('ends the judging of a plan when the page is left', async () => {
  front.slow = /\/plan\/violations/;
  front.left = 0;
  const { page, wrong } = await open(browser, front.server, '/data');
  await page.getByRole('status').filter({ hasText: 'Reading 25%' }).waitFor();
  expect(front.left).toBe(0);
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'People' }).click();
  await expect.poll(() => front.left).toBe(1);
  front.slow = undefined;
  expect(wrong).toEqual([]);
  await page.context().close();
});
