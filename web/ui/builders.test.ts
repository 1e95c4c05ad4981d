// Every builder of Explore leads to its picture, and the picture shows the numbers of the API.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Answer, FunnelAnswer } from '../src/lib/explore/answers';
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

/** Opens what is closed at first. */
const options = (page: Page) => page.locator('summary', { hasText: /^Options/ }).click();

async function steps(page: Page, events: string[]): Promise<void> {
  for (const [i, event] of events.entries()) {
    if (i === 2) await page.getByRole('button', { name: '+ Step' }).click();
    await pick(page.getByRole('group', { name: `Step ${i + 1}` }), 'Event', event);
  }
}

async function reached(page: Page, answer: Answer): Promise<void> {
  if (answer.kind !== 'funnel') throw new Error(answer.kind);
  const [group] = answer.groups;
  expect(group!.steps[0]!.count).toBeGreaterThan(0);
  expect(await page.locator('.picture ol b').allInnerTexts()).toEqual(group!.steps.map((s) => formats.number(s.count)));
  expect(await page.locator('.picture .sums b').innerText()).toBe(formats.share(group!.rate_all));
}

async function returned(page: Page, answer: Answer): Promise<void> {
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
}

async function flows(page: Page, answer: Answer): Promise<void> {
  if (answer.kind !== 'paths') throw new Error(answer.kind);
  const drawn = await page.locator('.picture svg g[aria-label]').evaluateAll((all) => all.map((g) => g.getAttribute('aria-label')!));
  const nodes = answer.layers.flatMap((layer, i) => layer.nodes.map((n) => `Step ${i}, ${nodeName(n)}: ${formats.number(n.count)}`));
  expect(drawn.sort()).toEqual(nodes.sort());
  expect(await page.locator('.picture svg path').count()).toBe(answer.links.length);
}

type Builder = {
  name: string;
  /** The kind of question, where that is not its name. */
  kind?: string;
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
    build: (page) => steps(page, ['product_viewed', 'product_added', 'purchase']),
    asks: { kind: 'funnel', steps: [{ events: ['product_viewed'] }, { events: ['product_added'] }, { events: ['purchase'] }] },
    shows: async (page, answer) => {
      await reached(page, answer);
      const [group] = (answer as FunnelAnswer).groups;
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
    shows: returned,
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
    shows: flows,
  },
  { name: 'Sessions', build: async () => {}, asks: { kind: 'sessions' }, shows: chart },
  {
    name: 'Trends with a name, by a text as a number', kind: 'Trends',
    build: async (page) => {
      await pick(page, 'Event', 'purchase');
      await page.getByRole('button', { name: 'More of series A' }).click();
      await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Sold');
      const by = page.getByRole('combobox', { name: 'Broken down by' });
      await by.click();
      await by.pressSequentially('$app_version');
      await page.getByRole('option', { name: '$app_version as a number' }).click();
      await page.getByRole('textbox', { name: 'Groups: how many, or their bounds' }).fill('0, 2, 3, 100');
    },
    asks: { kind: 'trends', series: [{ events: ['purchase'], label: 'Sold' }], breakdown: [{ property: '$app_version', as: 'number', edges: [0, 2, 3, 100] }] },
    shows: chart,
  },
  {
    name: 'Funnel with nothing in between', kind: 'Funnel',
    build: async (page) => {
      await steps(page, ['product_viewed', 'product_added']);
      await page.getByRole('button', { name: 'More of step 2' }).click();
      await page.getByRole('textbox', { name: 'Name', exact: true }).fill('In the cart');
      await page.getByRole('textbox', { name: 'Since the step before' }).fill('1h');
      await options(page);
      await page.getByRole('combobox', { name: 'Order', exact: true }).selectOption('strict');
      await page.getByRole('combobox', { name: 'In between counts' }).selectOption('all');
      await pick(page, 'Event that may be in between', 'app_opened');
    },
    asks: { kind: 'funnel', order: 'strict', visible: 'all', ignore: ['app_opened'], steps: [{}, { label: 'In the cart', window: '1h' }] },
    shows: reached,
  },
  {
    name: 'Funnel of sums that are the same', kind: 'Funnel',
    build: async (page) => {
      await steps(page, ['purchase', 'purchase']);
      await options(page);
      await page.getByRole('combobox', { name: 'Count', exact: true }).selectOption('expression');
      await pick(page, 'Property whose values are counted', 'amount');
    },
    asks: { kind: 'funnel', unit: 'expression', unit_by: [{ property: 'amount' }] },
    shows: reached,
  },
  {
    name: 'Funnel, the time of a part of it', kind: 'Funnel',
    build: async (page) => {
      await steps(page, ['app_opened', 'product_viewed', 'product_added']);
      await page.getByRole('button', { name: 'Time to convert' }).click();
      await options(page);
      await page.getByRole('spinbutton', { name: 'Time from step' }).fill('2');
    },
    asks: { kind: 'funnel', show: 'time_to_convert', convert_from: 2 },
    shows: chart,
  },
  {
    name: 'Retention in columns of several days', kind: 'Retention',
    build: async (page) => {
      await pick(page, 'People who did', 'app_opened');
      await options(page);
      await page.getByRole('combobox', { name: 'Came back', exact: true }).selectOption('brackets');
      await page.getByRole('textbox', { name: 'Which intervals' }).fill('0, 1-3');
    },
    asks: { kind: 'retention', type: 'brackets', brackets: [{ from: 0, to: 0 }, { from: 1, to: 3 }] },
    shows: async (page, answer) => {
      await returned(page, answer);
      expect(await page.locator('.picture thead th').allInnerTexts()).toEqual(expect.arrayContaining(['Day 0', 'Day 1–3']));
    },
  },
  {
    name: 'Paths of sessions, of some events', kind: 'Paths',
    build: async (page) => {
      await pick(page, 'After', 'app_opened');
      await options(page);
      await page.getByRole('combobox', { name: 'A path for every' }).selectOption('sessions');
      await page.getByRole('textbox', { name: 'Longest pause' }).fill('10min');
      await pick(page, 'A step is', 'product_viewed');
    },
    asks: { kind: 'paths', unit: 'sessions', gap: '10min', steps: { events: ['product_viewed'] } },
    shows: flows,
  },
  {
    name: 'Paths by platform', kind: 'Paths',
    build: async (page) => {
      await pick(page, 'After', 'app_opened');
      await pick(page, 'Broken down by', '$os');
    },
    asks: { kind: 'paths', from: { events: ['app_opened'] }, breakdown: [{ property: '$os' }] },
    shows: async (page, answer) => {
      if (answer.kind !== 'paths') throw new Error(answer.kind);
      await flows(page, answer);
      const [group] = answer.groups!;
      await page.getByRole('combobox', { name: 'Group' }).selectOption({ index: 1 });
      await page.getByText(`${formats.number(group!.paths)} paths.`).waitFor();
      await flows(page, { ...answer, paths: group!.paths, layers: group!.layers, links: group!.links });
      const node = group!.layers[0]!.nodes[0]!;
      await page.getByRole('button', { name: `Step 0, ${nodeName(node)}: ${formats.number(node.count)}` }).press('Enter');
      await page.getByRole('dialog').getByText(formats.number(node.count)).first().waitFor();
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
    },
  },
  {
    name: 'Sessions with bounds and a measure', kind: 'Sessions',
    build: async (page) => {
      await page.getByRole('button', { name: '+ Measure' }).click();
      const measure = page.getByRole('group', { name: 'Measure 1' });
      await pick(measure, 'Of a session', 'amount');
      await pick(measure, 'Event', 'purchase');
      await options(page);
      await page.getByRole('textbox', { name: 'Lasting at least' }).fill('10s');
      await page.getByRole('spinbutton', { name: 'Events at least' }).fill('2');
    },
    asks: { kind: 'sessions', measures: [{ events: ['purchase'], property: 'amount' }], duration: { at_least: '10s' }, event_count: { at_least: 2 } },
    shows: async (page, answer) => {
      if (answer.kind !== 'sessions') throw new Error(answer.kind);
      await chart(page, answer);
      await page.getByRole('button', { name: 'amount a session', exact: true }).click();
      await chart(page, answer);
      const average = answer.groups[0]!.total.measures![0]!.average!;
      expect(average).toBeGreaterThan(0);
      expect(await page.getByRole('list', { name: 'Totals' }).locator('li').innerText()).toMatch(new RegExp(`^amount a session\\s+${formats.number(average).replace('.', '\\.')}$`));
      expect(new URL(page.url()).searchParams.get('view')).toBe('measure1');
    },
  },
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

it.each(builders)('leads from the builder to the picture, with the numbers of the API: $name', async ({ name, kind = name, build, asks, shows }) => {
  const { page, wrong } = await open(browser, server, '/explore');
  await settle(page);
  await page.getByRole(kind === 'Revenue' ? 'button' : 'radio', { name: new RegExp(`^${kind} ?`) }).click();
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
  keep(picture.data, name.toLowerCase().replace(/\W+/g, '-'));
  await page.getByRole('button', { name: 'Table', exact: true }).click();
  await page.locator('.picture .table').waitFor();
  const table = await png(page);
  expect(table.data.equals(picture.data)).toBe(false);
  keep(table.data, `${name.toLowerCase().replace(/\W+/g, '-')}-table`);
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
