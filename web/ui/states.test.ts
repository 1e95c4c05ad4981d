// Pages of a project without events, with a server that takes its time, and with one that is away.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launch, open, settle, shot } from './browser';
import { Server } from './server';

let server: Server;
let browser: Browser;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const at = (question: object) => `/explore?q=${encodeURIComponent(JSON.stringify(question))}`;
const pages = [
  '/', '/explore', at({ kind: 'retention' }), at({ kind: 'paths' }), at({ kind: 'sessions' }), '/dashboards', '/saved', '/people', '/cohorts', '/data',
  '/operations',
];
const own = (url: string) => /\/v1\/(me|projects)(\?|$)/.test(url);

it('says that there is nothing yet', async () => {
  const { page, wrong } = await open(browser, server, '/');
  for (const path of pages) {
    await page.goto(server.url + path);
    await settle(page);
    expect(await page.locator('main').innerText(), path).not.toMatch(/as of 00:00:00|NaN|Invalid|undefined/);
  }
  await page.goto(server.url + '/explore');
  await page.getByText('No event has arrived yet.').waitFor();
  await page.getByText(/before the first event/).waitFor();
  await shot(page, 'empty');
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('says that it waits', async () => {
  const { page } = await open(browser, server, '/');
  let held = true;
  await page.route('**/v1/**', async (route) => {
    while (held && !own(route.request().url())) await new Promise((done) => setTimeout(done, 50));
    await route.continue().catch(() => {});
  });
  for (const path of pages) {
    await page.goto(server.url + path);
    await page.getByText(/Loading …|Looking …/).first().waitFor();
  }
  held = false;
  await page.context().close();
});

it('says that the server is away, and goes on by itself when it is back', async () => {
  const { page } = await open(browser, server, '/');
  let away = true;
  await page.route('**/v1/**', (route) => (away && !own(route.request().url()) ? route.abort('connectionrefused') : route.continue()));
  for (const path of pages) {
    await page.goto(server.url + path);
    await page.locator('main').getByText('the server cannot be reached').first().waitFor();
  }
  await page.goto(server.url + '/explore');
  await page.getByRole('button', { name: 'Ask again' }).waitFor();
  away = false;
  await page.getByRole('button', { name: 'Ask again' }).click();
  await page.getByText('No event has arrived yet.').waitFor();
  // What is asked for once a minute is not waited for that long.
  away = true;
  await page.goto(server.url + '/data');
  await page.getByRole('region', { name: 'Events and properties' }).getByText('the server cannot be reached').waitFor();
  away = false;
  await page.getByText('Nothing was seen yet.').waitFor({ timeout: 25_000 });
  await page.context().close();
});

it('is led by the keyboard alone', async () => {
  const { page, wrong } = await open(browser, server, '/');
  await settle(page);
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe('main');
  for (const [digit, path] of [['2', '/explore'], ['6', '/data'], ['8', '/operations']] as const) {
    await page.keyboard.press(digit);
    await page.waitForURL((url) => url.pathname === path);
    // Whoever does not see the page is told of the new one.
    await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe('main');
  }
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  const before = await theme();
  await page.keyboard.press('t');
  await expect.poll(theme).not.toBe(before);
  // Nothing moves for those who asked for that.
  const moving = await page.evaluate(() =>
    [...document.querySelectorAll('*')].filter((e) => {
      const style = getComputedStyle(e);
      return style.transitionDuration !== '0s' || style.animationName !== 'none';
    }).map((e) => e.outerHTML.slice(0, 100)),
  );
  expect(moving).toEqual([]);
  expect(wrong).toEqual([]);
  await page.context().close();
});
