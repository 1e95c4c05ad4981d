// Dashboards as they are made: from templates, by moving tiles, with words, and taken back.
import { readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Formats } from '../src/lib/format';
import type { Answer, Dashboard } from '../src/lib/openapi';
import { board, fromTemplate, presentable } from './boards';
import { accessible, fits, launch, open, shot } from './browser';
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

const place = (b: Dashboard, id: string) => b.tiles.filter((t) => t.id === id).map((t) => [t.x, t.y, t.w, t.h])[0];

it('builds a dashboard from a template, with the numbers of the API', async () => {
  const { page, wrong } = await open(browser, server, '/dashboards');
  const id = await fromTemplate(page, /^Revenue/);
  await shot(page, 'dashboard');
  const tile = (await board(server, id)).tiles.find((t) => t.title === 'Revenue')!;
  const told = await server.api<Answer>('POST', '/v1/query', tile.question);
  const figure = page.getByRole('article', { name: 'Revenue', exact: true }).locator('b');
  expect(await figure.innerText()).toBe(new Formats('UTC', 'en-GB').number(told.series[0]!.total));
  const [numbers] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'CSV of Revenue', exact: true }).click()]);
  expect(readFileSync(await numbers.path(), 'utf8')).toContain(`Together,${told.series[0]!.total}`);
  const [picture] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'PNG of Revenue', exact: true }).click()]);
  expect([picture.suggestedFilename(), readFileSync(await picture.path()).subarray(1, 4).toString()]).toEqual(['revenue.png', 'PNG']);
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('moves and resizes tiles with pointer and keyboard, writes text, takes back, and saves', async () => {
  await server.api('POST', '/v1/insights', { name: 'Openings', question: { kind: 'trends', series: [{ events: ['app_opened'] }] } });
  const made = await server.api<Dashboard>('POST', '/v1/dashboards', { name: 'Mine' });
  const { page, wrong } = await open(browser, server, `/dashboards?board=${made.id}`);
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  await page.getByRole('button', { name: '+ Question' }).click();
  await page.getByRole('dialog').getByRole('button', { name: /Openings/ }).click();
  await page.getByRole('button', { name: '+ Text' }).click();
  await page.getByRole('textbox', { name: 'Text' }).fill('# Why\n**Because** <img src=x onerror=alert(1)> [no](javascript:alert(1))');
  await page.getByRole('button', { name: 'Done' }).click();
  const text = page.getByRole('article', { name: 'Why' });
  await text.getByRole('heading', { name: 'Why' }).waitFor();
  expect(await text.locator('img, a').count()).toBe(0);

  const handle = page.getByRole('button', { name: /^Move Why/ });
  await handle.focus();
  await page.keyboard.press('ArrowRight');
  for (let i = 0; i < 6; i++) await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Shift+ArrowDown');
  await page.getByText('Why: column 7, row 1, 6 wide, 4 high').waitFor({ state: 'attached' });
  const box = (await page.getByRole('button', { name: /^Move Openings/ }).boundingBox())!;
  await page.mouse.move(box.x + 60, box.y + 60);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width + 90, box.y + 66, { steps: 4 });
  await page.mouse.up();
  await page.getByText(/^Openings: column 7/).waitFor({ state: 'attached' });
  await page.getByRole('button', { name: 'Undo' }).click();
  const corner = (await page.locator('.tile', { has: page.getByRole('button', { name: /^Move Openings/ }) }).locator('.size').boundingBox())!;
  await page.mouse.move(corner.x + 12, corner.y + 12);
  await page.mouse.down();
  await page.mouse.move(corner.x - box.width / 6 + 12, corner.y + 12 + 60, { steps: 3 });
  await page.mouse.up();
  await page.getByText('Openings: column 1, row 1, 5 wide, 7 high').waitFor({ state: 'attached' });
  await accessible(page);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('button', { name: 'Edit', exact: true }).waitFor();
  const kept = await board(server, made.id);
  expect([place(kept, 't1'), place(kept, 't2')]).toEqual([[0, 0, 5, 7], [6, 0, 6, 4]]);

  // Somebody else is faster: nothing of theirs is lost.
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  await server.api('PATCH', `/v1/dashboards/${made.id}`, { name: 'Theirs' });
  await page.getByLabel('Name').fill('Ours');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText(/was changed in the meantime/).waitFor();
  await page.getByRole('button', { name: /show the other version/ }).click();
  await page.getByRole('heading', { name: 'Theirs' }).waitFor();
  expect(wrong.filter((text) => !text.includes('412'))).toEqual([]);
  await page.context().close();
});

const cards = (...names: string[]) => names.map((text, i) => ({ id: `t${i + 1}`, x: (i % 2) * 6, y: Math.floor(i / 2) * 3, w: 6, h: 3, text }));

it('takes back words and tiles of a draft, and makes them again', async () => {
  const made = await server.api<Dashboard>('POST', '/v1/dashboards', { name: 'Drafted', tiles: cards('One', 'Two') });
  const { page, wrong } = await open(browser, server, `/dashboards?board=${made.id}`);
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  const name = page.getByLabel('Name');
  const undo = page.getByRole('button', { name: /^Undo/ });
  await name.fill('Renamed');
  await page.getByRole('button', { name: 'Remove Two' }).click();
  await expect.poll(() => undo.innerText()).toMatch(/^Undo\s+tiles$/);
  // What is taken back during a drag may be what is dragged.
  await page.keyboard.press('Control+z');
  await page.getByRole('button', { name: '+ Text' }).click();
  await page.getByRole('textbox', { name: 'Text' }).fill('Three');
  await page.getByRole('button', { name: 'Done' }).click();
  const box = (await page.getByRole('button', { name: /^Move Three/ }).boundingBox())!;
  await page.mouse.move(box.x + 20, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + 80, box.y + 30, { steps: 2 });
  await page.keyboard.press('Control+z');
  await page.getByRole('article', { name: 'Three' }).waitFor({ state: 'detached' });
  await page.mouse.move(box.x + 90, box.y + 40);
  await page.mouse.up();
  await page.getByRole('button', { name: 'Remove Two' }).click();
  await page.getByRole('article', { name: 'Two' }).waitFor({ state: 'detached' });
  await page.keyboard.press('Control+z');
  await page.getByRole('article', { name: 'Two' }).waitFor();
  await undo.click();
  expect(await name.inputValue()).toBe('Drafted');
  expect([await undo.isDisabled(), await page.getByRole('button', { name: 'Save', exact: true }).isDisabled()]).toEqual([true, true]);
  await page.getByRole('button', { name: /^Redo/ }).click();
  expect(await name.inputValue()).toBe('Renamed');
  await page.keyboard.press('Control+Shift+z');
  await page.getByRole('article', { name: 'Two' }).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('heading', { name: 'Renamed' }).waitFor();
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('moves tiles on a phone', async () => {
  const made = await server.api<Dashboard>('POST', '/v1/dashboards', { name: 'Narrow', tiles: cards('One', 'Two', 'Three') });
  const { page, wrong } = await open(browser, server, `/dashboards?board=${made.id}`, { phone: true });
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  await page.getByText('Up and down move a tile.').waitFor();
  const order = () => page.getByRole('article').evaluateAll((all) => all.map((e) => e.getAttribute('aria-label')));
  expect(await page.getByRole('button', { name: 'Move One up' }).isDisabled()).toBe(true);
  await page.getByRole('button', { name: 'Move Three up' }).click();
  await expect.poll(order).toEqual(['One', 'Three', 'Two']);
  await page.getByRole('button', { name: 'Move One down' }).click();
  await expect.poll(order).toEqual(['Three', 'One', 'Two']);
  await accessible(page);
  await fits(page);
  await shot(page, 'phone-edit');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('button', { name: 'Edit', exact: true }).waitFor();
  const kept = await board(server, made.id);
  expect(kept.tiles.toSorted((a, b) => a.y - b.y || a.x - b.x).map((t) => t.text)).toEqual(['Three', 'One', 'Two']);
  expect(wrong).toEqual([]);
  await page.context().close();
});

it.each([{}, { dark: true }, { phone: true }])('is accessible, and fits: %j', async (look) => {
  const { page, wrong } = await open(browser, server, '/', look);
  await presentable(server, page, look);
  expect(wrong).toEqual([]);
  await page.context().close();
});
