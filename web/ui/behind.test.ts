// Every point of every picture opens the people behind it, as many as were counted.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Answer, FunnelAnswer, LifecycleAnswer, PathsAnswer, RetentionAnswer, SessionsAnswer, StickinessAnswer, TrendsAnswer } from '../src/lib/explore/answers';
import { groupsOf } from '../src/lib/explore/picture';
import { groupName, nodeName, offsetName } from '../src/lib/explore/tables';
import { nameOf } from '../src/lib/people';
import type { Explanation, PeoplePage, PersonPage } from '../src/lib/openapi';
import { answerOf, asked, formats } from './answers';
import { accessible, launch, open, settle, shot } from './browser';
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

// Whole days that are over, so that an answer is the same each time it is asked.
const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
const range = { from: day(15), to: day(1) };
const steps = [{ events: ['product_viewed'] }, { events: ['product_added'] }, { events: ['purchase'] }];
const buyers = { kind: 'trends', range, interval: 'day', series: [{ id: 'A', events: ['purchase'], aggregate: 'unique' }] };

async function explore(question: object, view = ''): Promise<{ page: Page; answer: Answer; done: () => Promise<void> }> {
  const { page, wrong } = await open(browser, server, `/explore?q=${encodeURIComponent(JSON.stringify(question))}${view && `&view=${view}`}`);
  await settle(page);
  await page.locator('.picture').waitFor();
  await page.waitForFunction(() => location.search.includes('q='));
  return {
    page,
    answer: await answerOf(server, asked(page)),
    done: async () => {
      expect(wrong).toEqual([]);
      await page.context().close();
    },
  };
}

/** Does what opens the sheet, and tells its title and its count. */
async function opens(page: Page, act: () => Promise<unknown>): Promise<{ title: string; count: string }> {
  await act();
  const dialog = page.getByRole('dialog');
  const wrong = dialog.getByRole('alert');
  await dialog.getByText(/^[\d,]+ (people|person)/).or(wrong).first().waitFor();
  expect(await wrong.allInnerTexts()).toEqual([]);
  const found = { title: await dialog.getByRole('heading').innerText(), count: await dialog.locator('p b').first().innerText() };
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  return found;
}

/** Clicks into a chart, at shares of its width and height. */
async function point(page: Page, x: number, y: number): Promise<void> {
  const box = (await page.locator('.picture .chart canvas').boundingBox())!;
  await page.mouse.click(box.x + box.width * x, box.y + box.height * y);
}

const number = (n: number | null | undefined) => formats.number(n);

it('of a line, with the range before, and of its total', async () => {
  const { page, answer, done } = await explore({ ...buyers, compare: 'previous' });
  const { series, buckets } = answer as TrendsAnswer;
  const told = new Map<string, string>();
  buckets.forEach((bucket, i) => {
    const name = `purchase · ${formats.bucket(bucket.start, 'day')}`;
    told.set(name, number(series[0]!.values[i])).set(`${name} · before`, number(series[0]!.compare!.values[i]));
  });
  for (const y of [0.1, 0.9]) {
    const { title, count } = await opens(page, () => point(page, 0.5, y));
    expect(count, title).toBe(told.get(title));
  }
  const totals = page.getByRole('list', { name: 'Totals' }).getByRole('button');
  expect((await opens(page, () => totals.nth(0).click())).count).toBe(number(series[0]!.total));
  expect((await opens(page, () => totals.nth(1).click())).count).toBe(number(series[0]!.compare!.total));
  await done();
});

it('of bars side by side, the one that is hit', async () => {
  const question = { ...buyers, series: [...buyers.series, { id: 'B', events: ['app_opened'], aggregate: 'unique' }] };
  const { page, answer, done } = await explore(question, 'bar');
  const { series, buckets } = answer as TrendsAnswer;
  const told = new Map(series.flatMap((s) => buckets.map((b, i): [string, string] => [`${s.label} · ${formats.bucket(b.start, 'day')}`, number(s.values[i])])));
  // Along the feet of the bars, the one beside the other, whatever is nearer by its height.
  const titles = new Set<string>();
  for (let x = 0.5; x < 0.57; x += 0.012) {
    const { title, count } = await opens(page, () => point(page, x, 0.86));
    expect(count, title).toBe(told.get(title));
    titles.add(title.split(' · ')[0]!);
  }
  expect([...titles].sort()).toEqual(['app_opened', 'purchase']);
  await done();
});

it('of a big number and the one before it, but not of a formula', async () => {
  const { page, answer, done } = await explore({ ...buyers, compare: 'previous', formulas: [{ id: 'F1', expression: 'A * 2', label: 'Twice' }] }, 'number');
  const { series } = answer as TrendsAnswer;
  const buttons = page.locator('.picture li').getByRole('button');
  expect(await buttons.allInnerTexts()).toEqual([number(series[0]!.total), `${number(series[0]!.compare!.total)} before`]);
  expect((await opens(page, () => buttons.nth(0).click())).count).toBe(number(series[0]!.total));
  expect((await opens(page, () => buttons.nth(1).click())).count).toBe(number(series[0]!.compare!.total));
  await page.getByText('A formula has nobody behind it').waitFor();
  await accessible(page);
  await done();
});

it('of a funnel: its steps, who did not come, who converted, and the range before', async () => {
  const { page, answer, done } = await explore({ kind: 'funnel', range, window: '7d', steps, compare: 'previous' });
  const [group] = (answer as FunnelAnswer).groups;
  const { steps: counts, compare, converted, entered } = group!;
  const list = page.locator('.picture ol');
  expect((await opens(page, () => list.getByRole('button', { name: number(counts[1]!.count), exact: true }).first().click())).count).toBe(number(counts[1]!.count));
  const lost = counts[0]!.count - counts[1]!.count;
  expect((await opens(page, () => list.getByRole('button', { name: /did not come/ }).first().click())).count).toBe(number(lost));
  const then = list.locator('> li').nth(1).locator('.figures').first().getByRole('button').last();
  expect(await then.innerText()).toBe(number(compare!.steps[1]!.count));
  expect((await opens(page, () => then.click())).count).toBe(number(compare!.steps[1]!.count));
  const sums = page.locator('.picture .sums').getByRole('button');
  expect((await opens(page, () => sums.nth(0).click())).count).toBe(number(converted));
  expect((await opens(page, () => sums.nth(1).click())).count).toBe(number(entered));
  await done();
});

it('of a funnel by its window, but not of an estimate', async () => {
  const { page, answer, done } = await explore({ kind: 'funnel', range, steps, show: 'window', windows: ['1h', '1d', '7d'] }, 'window');
  const windows = (answer as FunnelAnswer).groups[0]!.windows!;
  const told = new Map(windows.map((w) => [`Converted within ${w.window}`, number(w.converted)]));
  const { title, count } = await opens(page, () => point(page, 0.5, 0.3));
  expect(count, title).toBe(told.get(title));
  await page.getByText('An estimate has nobody behind it.').waitFor();
  await done();
});

it('of the times to convert, group by group', async () => {
  const { page, answer, done } = await explore({ kind: 'funnel', range, window: '7d', steps, show: 'time_to_convert', breakdown: [{ property: '$os' }], breakdown_limit: 3 });
  const funnel = answer as FunnelAnswer;
  const chooser = page.locator('.picture select');
  expect(await chooser.locator('option').allInnerTexts()).toEqual(groupsOf(funnel, formats));
  for (const [i, group] of funnel.groups.entries()) {
    await chooser.selectOption(String(i));
    const bins = group.time_to_convert!.histogram!;
    const told = new Map(bins.map((b) => [`Converted in ${formats.span(b.from_ms / 1000)} – ${formats.span(b.to_ms / 1000)} · ${groupName(funnel, group.breakdown, formats)}`, number(b.count)]));
    const { title, count } = await opens(page, () => point(page, 0.06 + 0.1 * i, 0.7));
    expect(count, title).toBe(told.get(title));
  }
  await done();
});

it('of a heat map: a cell, a cohort, a column, and everybody', async () => {
  const { page, answer, done } = await explore({ kind: 'retention', range, start: { events: ['app_opened'] }, return: { events: ['app_opened'] }, periods: 7 });
  const table = (answer as RetentionAnswer).tables[0]!;
  const rows = page.locator('.picture tbody tr');
  const button = (row: number, column: number) => rows.nth(row).locator('td').nth(column).getByRole('button');
  expect((await opens(page, () => button(0, 0).click())).count).toBe(number(table.people));
  expect((await opens(page, () => button(0, 2).click())).count).toBe(number(table.average[1]!.count));
  expect((await opens(page, () => button(1, 0).click())).count).toBe(number(table.cohorts[0]!.size));
  expect((await opens(page, () => button(1, 2).click())).count).toBe(number(table.cohorts[0]!.cells[1]!.count));
  await done();
});

it('of a curve of retention', async () => {
  const { page, answer, done } = await explore({ kind: 'retention', range, start: { events: ['app_opened'] }, return: { events: ['app_opened'] }, periods: 7 }, 'curve');
  const { tables, columns, interval } = answer as RetentionAnswer;
  const told = new Map(columns.map((c, i) => [`Came back · ${offsetName(interval, c.from, c.to)} · All cohorts`, number(tables[0]!.average[i]!.count)]));
  const { title, count } = await opens(page, () => point(page, 0.5, 0.5));
  expect(count, title).toBe(told.get(title));
  await done();
});

it('of a lifecycle, in the chart and with the keyboard', async () => {
  const { page, answer, done } = await explore({ kind: 'lifecycle', range, active: { events: ['app_opened'] } });
  const { buckets } = answer as LifecycleAnswer;
  const told = new Map(buckets.flatMap((b) => (['new', 'returning', 'resurrecting', 'dormant'] as const).map((state): [string, string] => [
    `${state[0]!.toUpperCase()}${state.slice(1)} · ${formats.bucket(b.start, 'day')}`, number(b[state]),
  ])));
  const { title, count } = await opens(page, () => point(page, 0.5, 0.45));
  expect(count, title).toBe(told.get(title));
  // The table behind the chart is seen when the focus comes into it; arrows lead from number to number.
  const numbers = page.locator('.picture .unseen.scroll');
  expect((await numbers.boundingBox())!.height).toBeLessThan(5);
  expect(await numbers.getByRole('button').count()).toBe(0);
  await numbers.focus();
  await expect.poll(() => numbers.locator('button[tabindex="0"]').evaluateAll((all) => all.map((b) => b === document.activeElement))).toEqual([true]);
  expect((await numbers.boundingBox())!.height).toBeGreaterThan(50);
  await accessible(page);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowRight');
  const text = await page.evaluate(() => (document.activeElement as HTMLElement).innerText);
  expect((await opens(page, () => page.keyboard.press('Enter'))).count).toBe(text);
  await done();
});

it('of a stickiness', async () => {
  const { page, answer, done } = await explore({ kind: 'stickiness', range, active: { events: ['app_opened'] } });
  const counts = (answer as StickinessAnswer).windows![0]!.counts;
  const { title, count } = await opens(page, () => point(page, 0.15, 0.8));
  expect(count, title).toBe(number(counts[Number(/Active on (\d+)/.exec(title)![1]) - 1]));
  await done();
});

it('of sessions, whose people are those of the API', async () => {
  const question = { kind: 'sessions', range, interval: 'week' };
  const { page, answer, done } = await explore(question);
  const people = (cell: object) => server.api<PeoplePage>('POST', '/v1/people', { question: answer.question, cell }).then((told) => number(told.total));
  const total = page.getByRole('list', { name: 'Totals' }).getByRole('button').first();
  expect((await opens(page, () => total.click())).count).toBe(await people({}));
  await done();
});

it('of a measure of sessions: those with such an event', async () => {
  const question = { kind: 'sessions', range, measures: [{ events: ['purchase'], property: 'amount' }] };
  const { page, answer, done } = await explore(question, 'measure1');
  const people = (cell: object) => server.api<PeoplePage>('POST', '/v1/people', { question: answer.question, cell }).then((told) => number(told.total));
  const total = page.getByRole('list', { name: 'Totals' }).getByRole('button').first();
  expect(await opens(page, () => total.click())).toEqual({ title: 'Sessions with amount', count: await people({ measure: 0 }) });
  const { title, count } = await opens(page, () => point(page, 0.5, 0.3));
  const bucket = (answer as SessionsAnswer).buckets.find((b) => title === `Sessions with amount · ${formats.bucket(b.start, 'day')}`)!;
  expect(count).toBe(await people({ measure: 0, bucket: bucket.start }));
  await page.getByRole('button', { name: 'Table', exact: true }).click();
  const together = page.locator('.picture .table tbody tr').last().locator('td').nth(6).getByRole('button');
  expect(await opens(page, () => together.press('Enter'))).toEqual({ title: 'Sessions with amount', count: await people({ measure: 0 }) });
  await done();
});

it('of a funnel, and leads to what they did next', async () => {
  const { page, answer, done } = await explore({ kind: 'funnel', range, window: '7d', steps });
  const count = (answer as FunnelAnswer).groups[0]!.steps[1]!.count;
  await page.locator('.picture ol > li').nth(1).getByRole('button').first().click();
  await page.getByRole('dialog').getByRole('link', { name: 'What they did next' }).click();
  await page.locator('.picture svg path').first().waitFor();
  const paths = await answerOf(server, asked(page)) as PathsAnswer;
  expect(paths.question.funnel).toMatchObject({ step: 2, side: 'after' });
  expect(paths.paths).toBe(count);
  await page.getByRole('combobox', { name: /^Of step 2\. product_added/ }).selectOption('before');
  await expect.poll(() => (asked(page).funnel as { side?: string }).side).toBe('before');
  await accessible(page);
  await done();
});

it('of sessions that last as long as a bar says', async () => {
  const { page, answer, done } = await explore({ kind: 'sessions', range, show: 'duration' });
  const { title, count } = await opens(page, () => point(page, 0.06, 0.7));
  const bins = (answer as SessionsAnswer).groups[0]!.histogram!;
  const bin = bins.findIndex((b) => title === `Sessions of ${formats.span(b.from_ms / 1000)} – ${formats.span(b.to_ms / 1000)}`);
  const told = await server.api<PeoplePage>('POST', '/v1/people', { question: answer.question, cell: { bin } });
  expect(count).toBe(number(told.total));
  await done();
});

it('of paths: a step, its end, the others, and the way from one to the next', async () => {
  const { page, answer, done } = await explore({ kind: 'paths', range, from: { events: ['app_opened'] }, depth: 3, nodes: 2 });
  const { layers, links } = answer as PathsAnswer;
  for (const sort of ['value', 'other', 'end']) {
    const layer = layers.find((l) => l.step > 0 && l.nodes.some((n) => n.sort === sort))!;
    const node = layer.nodes.find((n) => n.sort === sort)!;
    const box = page.locator('.picture').getByRole('button', { name: `Step ${layer.step}, ${nodeName(node)}: ${number(node.count)}`, exact: true });
    expect((await opens(page, () => box.press(sort === 'end' ? 'Space' : 'Enter'))).count, sort).toBe(number(node.count));
  }
  const thickest = [...links].sort((a, b) => b.count - a.count)[0]!;
  const from = layers.find((l) => l.step === thickest.step)!.nodes[thickest.from]!;
  const to = layers.find((l) => l.step === thickest.step + 1)!.nodes[thickest.to]!;
  const band = page.locator('.picture svg path', { has: page.locator('title', { hasText: `${nodeName(from)} → ${nodeName(to)}: ${number(thickest.count)}` }) }).first();
  // A place where nothing else lies on the band.
  const place = await band.evaluate((path) => {
    const { left, top, width, height } = path.getBoundingClientRect();
    for (let x = left + width / 2; x < left + width; x += 3) {
      for (let y = top; y < top + height; y += 3) if (document.elementFromPoint(x, y) === path) return { x, y };
    }
    return undefined;
  });
  expect((await opens(page, () => page.mouse.click(place!.x, place!.y))).count).toBe(number(thickest.count));
  const numbers = page.locator('.picture .unseen.scroll');
  await numbers.focus();
  const first = numbers.locator('tbody tr').first().getByRole('button');
  await first.focus();
  expect(await first.innerText()).toBe(number(links[0]!.count));
  expect((await opens(page, () => first.press('Enter'))).count).toBe(number(links[0]!.count));
  await done();
});

const kinds = [
  { ...buyers, breakdown: [{ property: '$os' }], breakdown_limit: 2 },
  { kind: 'funnel', range, window: '7d', steps, breakdown: [{ property: '$os' }], breakdown_limit: 2 },
  { kind: 'funnel', range, window: '7d', steps, show: 'trend' },
  { kind: 'retention', range, start: { events: ['app_opened'] }, return: { events: ['app_opened'] }, periods: 4, breakdown: [{ property: '$os' }], breakdown_limit: 2 },
  { kind: 'lifecycle', range, interval: 'week', active: { events: ['app_opened'] }, breakdown: [{ property: '$os' }], breakdown_limit: 2 },
  { kind: 'stickiness', range, active: { events: ['app_opened'] }, window: 'week' },
  { kind: 'stickiness', range, active: { events: ['app_opened'] }, mode: 'ratio', breakdown: [{ property: '$os' }], breakdown_limit: 2 },
  { kind: 'paths', range, from: { events: ['app_opened'] }, depth: 2, nodes: 3 },
  { kind: 'paths', range, from: { events: ['app_opened'] }, depth: 2, nodes: 3, breakdown: [{ property: '$os' }], breakdown_limit: 2 },
];
it.each(kinds)('of the numbers of a table: $kind', async (question) => {
  const { page, done } = await explore(question);
  if (!('show' in question)) {
    await page.getByRole('button', { name: 'Table', exact: true }).click();
    await page.locator('.picture .table tbody tr').first().waitFor();
  } else {
    await page.locator('.picture .unseen.scroll').focus();
    await page.locator('.picture tbody button:focus').waitFor();
  }
  // A number of each column, from different rows.
  const all = page.locator('.picture tbody tr');
  const columns = await page.locator('.picture thead th').count();
  let tried = 0;
  for (let column = 0; column < columns; column++) {
    const buttons = all.locator(`> *:nth-child(${column + 1})`).getByRole('button');
    const count = await buttons.count();
    if (count === 0) continue;
    const button = buttons.nth((column * 5) % count);
    const text = await button.innerText();
    const opened = await opens(page, () => button.press('Enter'));
    if (!text.includes('%')) expect(opened.count, opened.title).toBe(text);
    tried++;
  }
  expect(tried).toBeGreaterThan(0);
  await done();
});

it('says why somebody is there, and why somebody else is not', async () => {
  const question = { kind: 'funnel', range, window: '7d', steps };
  const { page, answer, done } = await explore(question);
  const cell = { step: 3 };
  await page.locator('.picture ol > li').nth(2).getByRole('button').first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: /^Why\?/ }).first().click();
  const { people } = await server.api<PeoplePage>('POST', '/v1/people', { question: answer.question, cell, limit: 1000 });
  const why = (person: string) => server.api<Explanation>('POST', '/v1/people/explain', { question: answer.question, cell, person });
  const told = await why(people[0]!.person);
  const shown = dialog.getByRole('group', { name: /^Why: / });
  await shown.getByText(`Counted: ${told.sentence}.`).waitFor();
  expect(await shown.locator('li b').allInnerTexts()).toEqual(told.events.map((e) => e.event));
  await dialog.getByRole('button', { name: /^Why\?/ }).first().click();

  const known = await server.api<PersonPage>('GET', '/v1/persons?limit=500');
  const here = new Set(people.map((p) => p.person));
  const other = known.people.find((p) => p.user_id && !here.has(p.person))!;
  await dialog.getByLabel('Why is somebody not here?').fill(other.user_id!);
  await dialog.getByRole('button', { name: 'Look', exact: true }).click();
  await dialog.locator('ul').last().getByRole('button', { name: `Why? ${nameOf(other)}`, exact: true }).first().click();
  const not = await why(other.person);
  expect(not.in).toBe(false);
  await shown.getByText(`Not counted: ${not.sentence}.`).waitFor();
  await accessible(page);
  await shot(page, 'why');
  await done();
});

it('gives up looking for people, and looks again', async () => {
  const { page, done } = await explore(buyers, 'number');
  let held = true;
  await page.route('**/v1/people?**', async (route) => {
    if (!held) await route.continue();
  });
  await page.locator('.picture li').getByRole('button').first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await dialog.getByText('Cancelled.').waitFor();
  held = false;
  await dialog.getByRole('button', { name: 'Look again' }).click();
  await dialog.getByText(/^[\d,]+ people/).waitFor();
  await done();
});
