// Every builder of Explore leads to its picture, and the picture shows the numbers of the API.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Answer } from '../src/lib/explore/answers';
import { nodeName, tableOf } from '../src/lib/explore/tables';
import { csv } from '../src/lib/table';
import { answerOf, asked, formats, rows, rowsOf } from './answers';
import { accessible, launch, open, settle } from './browser';
import { Server } from './server';

let server: Server;
let browser: Browser;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
  await server.fill(10_000);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

async function pick(within: Page | Locator, label: string, event: string): Promise<void> {
  const field = within.getByRole('combobox', { name: label, exact: true });
  await field.click();
  await field.pressSequentially(event);
  await field.press('Enter');
}

/** The numbers of a chart are behind it, in a table for those who do not see it. */
async function chart(page: Page, answer: Answer): Promise<void> {
  await page.locator('.picture .chart canvas').first().waitFor();
  expect(await rows(page)).toEqual(rowsOf(tableOf(answer, formats)));
}

/** The picture as it is saved. */
async function png(page: Page): Promise<{ data: Buffer; width: number }> {
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'PNG', exact: true }).click()]);
  const data = readFileSync(await file.path());
  expect(data.subarray(1, 4).toString()).toBe('PNG');
  return { data, width: data.readUInt32BE(16) };
}

/** Keeps a saved picture when SHOTS says where. */
function keep(data: Buffer, name: string): void {
  const folder = process.env.SHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `saved-${name}.png`), data);
}

type Builder = {
  name: string;
  build: (page: Page) => Promise<void>;
  /** What has to be in the address when everything is chosen. */
  asks: object;
  shows: (page: Page, answer: Answer) => Promise<void>;
};

const builders: Builder[] = [
  {
    name: 'Trends',
    build: (page) => pick(page, 'Event', 'purchase'),
    asks: { kind: 'trends', series: [{ events: ['purchase'] }] },
    shows: async (page, answer) => {
      await chart(page, answer);
      await page.getByRole('button', { name: 'Number', exact: true }).click();
      expect(await page.locator('.picture li b').allInnerTexts()).toEqual((answer as { series: { total: number }[] }).series.map((s) => formats.number(s.total)));
      await page.getByRole('button', { name: 'Bars', exact: true }).click();
      await chart(page, answer);
    },
  },
  {
    name: 'Funnel',
    build: async (page) => {
      for (const [i, event] of ['product_viewed', 'product_added', 'purchase'].entries()) {
        if (i === 2) await page.getByRole('button', { name: '+ Step' }).click();
        await pick(page.getByRole('group', { name: `Step ${i + 1}` }), 'Event', event);
      }
    },
    asks: { kind: 'funnel', steps: [{ events: ['product_viewed'] }, { events: ['product_added'] }, { events: ['purchase'] }] },
    shows: async (page, answer) => {
      if (answer.kind !== 'funnel') throw new Error(answer.kind);
      const [group] = answer.groups;
      expect(await page.locator('.picture ol b').allInnerTexts()).toEqual(group!.steps.map((s) => formats.number(s.count)));
      expect(await page.locator('.picture .sums b').innerText()).toBe(formats.share(group!.rate_all));
      const lost = group!.steps.slice(1).map((s, i) => group!.steps[i]!.count - s.count);
      expect(await page.locator('.picture ol').getByRole('button', { name: /did not come/ }).allInnerTexts()).toEqual(lost.filter((n) => n > 0).map((n) => `${formats.number(n)} did not come`));
    },
  },
  {
    name: 'Retention',
    build: async (page) => {
      await pick(page, 'People who did', 'signed_up');
      await pick(page, 'and came back to', 'app_opened');
    },
    asks: { kind: 'retention', start: { events: ['signed_up'] }, return: { events: ['app_opened'] } },
    shows: async (page, answer) => {
      if (answer.kind !== 'retention') throw new Error(answer.kind);
      const [table] = answer.tables;
      const lines = page.locator('.picture tbody tr');
      expect(await lines.count()).toBe(table!.cohorts.length + 1);
      for (const [i, cohort] of table!.cohorts.entries()) {
        const cells = await lines.nth(i + 1).locator('td').allInnerTexts();
        expect(cells[0]).toBe(formats.number(cohort.size));
        const complete = cohort.cells.flatMap((cell, c) => (cell.state === 'complete' && cell.rate !== null ? [[cells[c + 1]!.trim(), formats.share(cell.rate)]] : []));
        for (const [shown, rate] of complete) expect(shown).toBe(rate);
      }
    },
  },
  {
    name: 'Lifecycle',
    build: (page) => pick(page, 'Active is who did', 'app_opened'),
    asks: { kind: 'lifecycle', active: { events: ['app_opened'] } },
    shows: chart,
  },
  {
    name: 'Stickiness',
    build: (page) => pick(page, 'Active is who did', 'app_opened'),
    asks: { kind: 'stickiness', active: { events: ['app_opened'] } },
    shows: chart,
  },
  {
    name: 'Paths',
    build: (page) => pick(page, 'After', 'app_opened'),
    asks: { kind: 'paths', from: { events: ['app_opened'] } },
    shows: async (page, answer) => {
      if (answer.kind !== 'paths') throw new Error(answer.kind);
      const drawn = await page.locator('.picture svg g[aria-label]').evaluateAll((all) => all.map((g) => g.getAttribute('aria-label')!));
      const nodes = answer.layers.flatMap((layer, i) => layer.nodes.map((n) => `Step ${i}, ${nodeName(n)}: ${formats.number(n.count)}`));
      expect(drawn.sort()).toEqual(nodes.sort());
      expect(await page.locator('.picture svg path').count()).toBe(answer.links.length);
    },
  },
  { name: 'Sessions', build: async () => {}, asks: { kind: 'sessions' }, shows: chart },
  {
    name: 'Revenue', build: async () => {},
    asks: { kind: 'trends', series: [{ events: ['purchase'], aggregate: 'sum', property: 'amount' }, { events: ['purchase'], aggregate: 'unique' }], formulas: [{ expression: 'A / B' }] },
    shows: async (page, answer) => {
      await chart(page, answer);
      await page.getByRole('button', { name: 'Number', exact: true }).click();
      const told = (answer as { series: { label: string; total: number }[] }).series;
      expect(told.map((s) => s.label)).toEqual(['Revenue', 'Buyers', 'Revenue a buyer']);
      expect(told[0]!.total).toBeGreaterThan(0);
      expect(await page.locator('.picture li').allInnerTexts()).toEqual(told.map((s) => `${formats.number(s.total)}\n${s.label}`));
      await page.getByRole('button', { name: 'Lines', exact: true }).click();
    },
  },
];

it.each(builders)('leads from the builder to the picture, with the numbers of the API: $name', async ({ name, build, asks, shows }) => {
  const { page, wrong } = await open(browser, server, '/explore');
  await settle(page);
  await page.getByRole(name === 'Revenue' ? 'button' : 'radio', { name: new RegExp(`^${name} ?`) }).click();
  await build(page);
  await expect.poll(() => (page.url().includes('q=') ? asked(page) : {})).toMatchObject(asks);
  await settle(page);
  await page.locator('[aria-busy="false"]').waitFor();
  const answer = await answerOf(server, asked(page));
  await shows(page, answer);
  await accessible(page);
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'CSV', exact: true }).click()]);
  expect(readFileSync(await file.path(), 'utf8')).toBe(csv(tableOf(answer, formats)));
  const picture = await png(page);
  expect(picture.width).toBeGreaterThan(2 * 480);
  keep(picture.data, name.toLowerCase());
  await page.getByRole('button', { name: 'Table', exact: true }).click();
  await page.locator('.picture .table').waitFor();
  const table = await png(page);
  expect(table.data.equals(picture.data)).toBe(false);
  keep(table.data, `${name.toLowerCase()}-table`);
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('says up to when an answer is complete, whether it was kept, and what is not over', async () => {
  const today = { kind: 'trends', range: { from: '-2d', to: 'now' }, interval: 'day', series: [{ id: 'A', events: ['app_opened'] }] } as const;
  const past = { ...today, range: { from: '2020-01-01', to: '2020-01-03' } };
  const { page, wrong } = await open(browser, server, `/explore?q=${encodeURIComponent(JSON.stringify(today))}`);
  const foot = page.getByRole('region', { name: 'The answer' }).locator('footer p');
  await foot.getByText('dashed: the last interval is not complete').waitFor();
  const answer = await answerOf(server, asked(page));
  expect(await foot.innerText()).toContain(`position ${formats.number(answer.watermark.position)}`);
  expect(await foot.innerText()).toContain(formats.asOf(answer.watermark));
  // The same question again is answered out of the cache, and the page says so.
  await answerOf(server, today);
  await page.goto(`${server.url}/explore?q=${encodeURIComponent(JSON.stringify(past))}`);
  await foot.getByText(/computed in|cached in/).waitFor();
  await page.reload();
  await foot.getByText(/cached in/).waitFor();
  expect(await foot.innerText()).not.toContain('not complete');
  expect(wrong).toEqual([]);
  await page.context().close();
});
