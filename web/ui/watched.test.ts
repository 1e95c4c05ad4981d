// Dashboards as they are looked at: by people with a key and without, again and again, in another range, down to the people behind
// a number. And the page about the server.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Formats } from '../src/lib/format';
import type { Answer, Dashboard, FunnelAnswer, Insight, OperationsAnswer } from '../src/lib/openapi';
import { board, boards, fromTemplate, presentable } from './boards';
import { accessible, fits, hold, launch, open, settle, shot } from './browser';
import { Server } from './server';


let server: Server;
let browser: Browser;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
  await server.fill(20_000);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

it('shares a dashboard with a browser that has no key, and takes the link back', async () => {
  const { page, wrong } = await open(browser, server, '/dashboards');
  const id = await fromTemplate(page, /^Mobile app health/);
  await shot(page, 'dashboard-health');
  await page.getByRole('button', { name: 'Share …' }).click();
  await page.getByRole('button', { name: 'Make a link' }).click();
  const link = await page.locator('.made code').innerText();
  expect(link).toMatch(/\/shared#fd_\w+$/);
  await page.getByRole('button', { name: 'Revoke the link' }).waitFor();

  const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, reducedMotion: 'reduce', locale: 'en-GB' });
  const guest = await context.newPage();
  const asked: string[] = [];
  guest.on('request', (request) => asked.push(`${request.url()} ${request.headers().authorization ?? ''}`));
  guest.on('console', (message) => message.type() === 'error' && wrong.push(message.text()));
  await guest.goto(link);
  await guest.getByRole('heading', { name: 'Mobile app health' }).waitFor();
  await settle(guest);
  await shot(guest, 'shared');
  await accessible(guest);
  expect(await guest.getByRole('article').count()).toBe((await board(server, id)).tiles.length);
  expect(await guest.getByRole('article', { name: 'People today', exact: true }).locator('b').innerText()).toMatch(/^[\d,]+$/);
  const api = asked.filter((line) => line.includes('/v1/'));
  expect(api.filter((line) => !line.includes('/v1/public/'))).toEqual([]);
  expect(api.filter((line) => /Bearer/.test(line))).toEqual([]);

  await guest.setViewportSize({ width: 390, height: 844 });
  await settle(guest);
  await fits(guest);
  expect(await guest.locator('header').getByText('UTC', { exact: true }).isVisible()).toBe(true);
  expect(wrong).toEqual([]);
  await page.getByRole('button', { name: 'Revoke the link' }).click();
  await page.getByText('There is no public link.').waitFor();
  await guest.reload();
  await guest.getByText(/this link opens nothing/).waitFor();
  expect((await boards(server)).find((b) => b.id === id)!.shared_at).toBeUndefined();
  await context.close();
  await page.context().close();
});

it('opens the people behind a number of a tile, by pointer and keyboard, but neither in a draft nor behind a link', async () => {
  const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
  const range = { from: day(8), to: day(1) };
  const buyers = { kind: 'trends', range, series: [{ events: ['purchase'], aggregate: 'unique' }] };
  const funnel = { kind: 'funnel', range, steps: [{ events: ['product_viewed'] }, { events: ['purchase'] }] };
  const { id: insight } = await server.api<Insight>('POST', '/v1/insights', { name: 'Way', question: funnel });
  const tiles = [
    { id: 't1', x: 0, y: 0, w: 3, h: 5, title: 'Buyers', view: 'number', question: buyers },
    { id: 't2', x: 3, y: 0, w: 9, h: 8, title: 'Over time', question: buyers },
    { id: 't3', x: 0, y: 8, w: 6, h: 10, insight },
  ];
  const made = await server.api<Dashboard>('POST', '/v1/dashboards', { name: 'People', tiles });
  const formats = new Formats('UTC', 'en-GB');
  const [told, way] = await Promise.all([server.api<Answer>('POST', '/v1/query', buyers), server.api<FunnelAnswer>('POST', '/v1/query', funnel)]);
  const { page, wrong } = await open(browser, server, `/dashboards?board=${made.id}`);
  await settle(page);
  const dialog = page.getByRole('dialog');
  const opened = async () => {
    await dialog.getByText(/^[\d,]+ (people|person)/).waitFor();
    const found = { title: await dialog.getByRole('heading').innerText(), count: await dialog.locator('p b').first().innerText() };
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    return found;
  };
  const tile = (name: string, on = page) => on.getByRole('article', { name, exact: true });
  await tile('Buyers').getByRole('button', { name: formats.number(told.series[0]!.total), exact: true }).click();
  expect(await opened()).toEqual({ title: 'purchase', count: formats.number(told.series[0]!.total) });
  const point = async (on = page) => {
    const box = (await tile('Over time', on).locator('canvas').boundingBox())!;
    await on.mouse.click(box.x + box.width * 0.5, box.y + box.height * 0.5);
  };
  // A canvas is there a moment before it can be pointed at.
  await expect.poll(async () => {
    if (!(await dialog.count())) await point();
    return dialog.count();
  }, { timeout: 30_000, interval: 1000 }).toBe(1);
  const points = new Map(told.buckets.map((b, i) => [`purchase · ${formats.bucket(b.start, 'day')}`, formats.number(told.series[0]!.values[i])]));
  const one = await opened();
  expect(one.count, one.title).toBe(points.get(one.title));
  await tile('Over time').locator('.unseen.scroll').focus();
  await page.locator('tbody button:focus').waitFor();
  await page.keyboard.press('ArrowDown');
  const text = await page.evaluate(() => (document.activeElement as HTMLElement).innerText);
  await page.keyboard.press('Enter');
  expect((await opened()).count).toBe(text);
  await tile('Way').locator('ol > li').nth(1).getByRole('button').first().press('Enter');
  expect((await opened()).count).toBe(formats.number(way.groups[0]!.steps[1]!.count));
  await accessible(page);
  await page.keyboard.press('f');
  await page.waitForFunction(() => document.fullscreenElement);
  await tile('Buyers').locator('.body').getByRole('button').click();
  expect((await opened()).title).toBe('purchase');
  if (await page.evaluate(() => !!document.fullscreenElement)) await page.keyboard.press('f');

  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  await tile('Buyers').locator('b').waitFor();
  expect(await page.locator('article .body').getByRole('button').count()).toBe(0);
  await page.getByRole('button', { name: 'Close', exact: true }).click();
  await tile('Over time').getByRole('link', { name: 'Over time' }).click();
  await page.waitForURL(/\/explore\?/);

  const { token } = await server.api<{ token: string }>('POST', `/v1/dashboards/${made.id}/link`);
  const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, reducedMotion: 'reduce', locale: 'en-GB' });
  const guest = await context.newPage();
  await guest.goto(`${server.url}/shared#${token}`);
  await guest.getByRole('heading', { name: 'People' }).waitFor();
  await settle(guest);
  expect(await tile('Buyers', guest).locator('b').innerText()).toBe(formats.number(told.series[0]!.total));
  expect(await guest.locator('article .body').getByRole('button').count()).toBe(0);
  await point(guest);
  await tile('Over time', guest).locator('.unseen.scroll').focus();
  await guest.keyboard.press('Enter');
  expect(await guest.getByRole('dialog').count()).toBe(0);
  expect(wrong).toEqual([]);
  await context.close();
  await page.context().close();
});

it('does not lose a new link to a stray key', async () => {
  const { id } = await server.api<Dashboard>('POST', '/v1/dashboards', { name: 'Linked', tiles: [] });
  const { page, wrong } = await open(browser, server, `/dashboards?board=${id}`);
  await page.getByRole('button', { name: /^Shared? …/ }).click();
  const dialog = page.getByRole('dialog', { name: 'Public link' });
  await dialog.getByRole('button', { name: 'Make a link' }).click();
  const link = await dialog.locator('.made code').innerText();
  for (let i = 0; i < 3; i++) await page.keyboard.press('Escape');
  await page.mouse.click(5, 400); // beside the dialog
  await dialog.getByRole('alert').getByText('The link is shown this once').waitFor();
  await accessible(page);
  expect(await dialog.locator('.made code').innerText()).toBe(link);
  await dialog.getByRole('button', { name: 'Go on' }).click();
  expect(await dialog.getByRole('alert').count()).toBe(0);
  // Who says so has it, and whoever does not want it need not.
  await dialog.getByRole('button', { name: 'I have it' }).click();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: /^Shared? …/ }).click();
  await dialog.getByRole('button', { name: 'Replace the link' }).click();
  expect(await dialog.locator('.made code').innerText()).not.toBe(link);
  await page.keyboard.press('Escape');
  await dialog.getByRole('button', { name: 'Close all the same' }).click();
  await dialog.waitFor({ state: 'detached' });
  // What was copied is not lost.
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.getByRole('button', { name: /^Shared? …/ }).click();
  await dialog.getByRole('button', { name: 'Replace the link' }).click();
  const third = await dialog.locator('.made code').innerText();
  await dialog.getByRole('button', { name: 'Copy' }).click();
  await dialog.getByRole('button', { name: 'Copied' }).waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(third);
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('asks again while it is seen, not while it is hidden, and fills the screen', async () => {
  const tile = { id: 't1', x: 0, y: 0, w: 6, h: 6, question: { kind: 'trends', series: [{ events: ['app_opened'], label: 'Looked at' }] } };
  const made = await server.api<Dashboard>('POST', '/v1/dashboards', { name: 'Live', tiles: [tile] });
  const { page, wrong } = await open(browser, server, '/');
  let asked = 0;
  page.on('request', (request) => void (request.postData()?.includes('Looked at') && asked++));
  await page.clock.install();
  await page.goto(`${server.url}/dashboards?board=${made.id}`);
  await page.getByRole('article').locator('canvas').waitFor();
  expect(asked).toBe(1);
  await page.clock.runFor(31_000);
  await expect.poll(() => asked).toBe(2);
  const hide = (hidden: boolean) =>
    page.evaluate((value) => {
      Object.defineProperty(document, 'hidden', { value, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
  await hide(true);
  await page.clock.runFor(600_000);
  expect(asked).toBe(2);
  await hide(false);
  await expect.poll(() => asked).toBe(3);
  await page.keyboard.press('f');
  await expect.poll(() => page.evaluate(() => document.fullscreenElement?.className)).toContain('full');
  await page.getByRole('heading', { name: 'Live UTC' }).waitFor();
  await page.keyboard.press('f');
  await expect.poll(() => page.evaluate(() => document.fullscreenElement)).toBe(null);
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('says that a tile is of the range before, lets it be given up, and has the range in the address', async () => {
  const question = { kind: 'trends', range: { from: '-7d', to: 'now' }, series: [{ events: ['app_opened'] }] };
  const { id: insight } = await server.api<Insight>('POST', '/v1/insights', { name: 'Kept', question });
  const tiles = [{ id: 't1', x: 0, y: 0, w: 6, h: 6, title: 'Asked', question }, { id: 't2', x: 6, y: 0, w: 6, h: 6, insight }];
  const made = await server.api<Dashboard>('POST', '/v1/dashboards', { name: 'Ranged', tiles });
  const { page, wrong } = await open(browser, server, `/dashboards?board=${made.id}`);
  const tile = page.getByRole('article', { name: 'Asked' });
  await tile.locator('canvas').waitFor();
  const body = tile.getByRole('group', { name: /: the answer$/ });
  const looks = async () => [await body.getAttribute('aria-busy'), /\bstale\b/.test((await body.getAttribute('class'))!)];
  expect(await looks()).toEqual(['false', false]);
  const release = await hold(page, /\/v1\/query/);
  await page.getByRole('combobox', { name: 'Range' }).selectOption('-90d');
  await expect.poll(looks).toEqual(['true', true]);
  expect(new URL(page.url()).searchParams.get('range')).toBe('-90d');
  await tile.getByRole('button', { name: 'Cancel' }).waitFor();
  await shot(page, 'stale');
  await tile.getByRole('button', { name: 'Cancel' }).click();
  await tile.getByText('Cancelled.').waitFor();
  expect(await looks()).toEqual(['false', true]);
  // Another range and back to the one that was given up: nothing is asked then, and nothing waited for.
  for (const wanted of ['-30d', '-90d']) {
    await page.getByRole('combobox', { name: 'Range' }).selectOption(wanted);
    await expect.poll(looks).toEqual([String(wanted === '-30d'), true]);
  }
  await tile.getByText('Cancelled.').waitFor();
  release();
  await tile.getByRole('button', { name: 'Ask again' }).click();
  await expect.poll(looks).toEqual(['false', false]);
  // Who looks closer sees the same range.
  for (const name of ['Asked', 'Kept']) {
    const link = new URLSearchParams((await page.getByRole('article', { name }).getByRole('link').getAttribute('href'))!.split('?')[1]);
    expect(JSON.parse(link.get('q')!)).toMatchObject({ range: { from: '-90d' } });
    expect(link.get('insight')).toBe(name === 'Kept' ? insight : null);
  }
  await page.reload();
  await tile.locator('canvas').waitFor();
  expect(await page.getByRole('combobox', { name: 'Range' }).inputValue()).toBe('-90d');
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('asks saved questions again while they are seen', async () => {
  const { id } = await server.api<Insight>('POST', '/v1/insights', { name: 'Asked again', question: { kind: 'trends', series: [{ events: ['purchase'] }] } });
  const { page, wrong } = await open(browser, server, '/');
  let asked = 0;
  page.on('request', (request) => void (request.url().includes(`/v1/insights/${id}/answer`) && asked++));
  await page.clock.install();
  await page.goto(`${server.url}/saved`);
  await page.getByRole('article', { name: 'Asked again' }).locator('canvas').waitFor();
  await page.getByRole('article', { name: 'Asked again' }).getByText('last interval incomplete').waitFor();
  expect(asked).toBe(1);
  await page.clock.runFor(31_000);
  await expect.poll(() => asked).toBe(2);
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('tells how the server is at work', async () => {
  const { page, wrong } = await open(browser, server, '/operations');
  await page.getByRole('img', { name: /^Events a second/ }).waitFor();
  const told = await server.api<OperationsAnswer>('GET', '/v1/operations');
  const stored = page.getByRole('row', { name: /My app/ }).locator('td').first();
  expect(await stored.innerText()).toBe(new Intl.NumberFormat('en-GB').format(told.projects[0]!.rows));
  expect(told.accepted).toBe(told.projects[0]!.rows);
  expect(told.acks.count).toBeGreaterThan(0);
  expect(told.questions.count).toBeGreaterThan(0);
  expect(Math.min(told.log_bytes, told.resident_bytes, told.cpu_seconds, told.disk_free_bytes)).toBeGreaterThan(0);
  await shot(page, 'operations');
  expect(wrong).toEqual([]);
  await page.context().close();
});

it.each([{}, { dark: true }, { phone: true }])('is accessible, and fits: %j', async (look) => {
  const { page, wrong } = await open(browser, server, '/', look);
  await presentable(server, page, look, '/operations');
  expect(wrong).toEqual([]);
  await page.context().close();
});
