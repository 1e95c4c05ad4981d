import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { address } from '../src/lib/explore/address';
import type { Question } from '../src/lib/explore/question';
import type { KeysAnswer, ProjectsAnswer } from '../src/lib/openapi';
import { rows, told } from './answers';
import { accessible, fits, launch, open, settle, shot } from './browser';
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

// Whole days that are over, so that an answer is the same each time it is asked.
const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
const range = { from: day(21), to: day(1) };
const kinds: (Question & { view?: string })[] = [
  { kind: 'trends', range, interval: 'day', series: [{ id: 'A', events: ['purchase'], aggregate: 'unique' }, { id: 'B', aggregate: 'total' }] },
  { kind: 'funnel', range, window: '7d', steps: [{ events: ['product_viewed'] }, { events: ['product_added'] }, { events: ['purchase'] }] },
  { kind: 'retention', range, start: { events: ['signed_up'] }, return: { events: ['app_opened'] }, periods: 7 },
  { kind: 'lifecycle', range, interval: 'week', active: { events: ['app_opened'] } },
  { kind: 'stickiness', range, active: { events: ['app_opened'] } },
  { kind: 'paths', range, from: { events: ['app_opened'] }, depth: 3, nodes: 5 },
  { kind: 'sessions', range, interval: 'week' },
];

it('leads from the first run to the first event, with the link that the server prints', async () => {
  const { page, wrong } = await open(browser, server, '/', { key: server.link.split('#key=')[1]! });
  await page.getByRole('link', { name: 'Send an event' }).click();
  await page.getByRole('button', { name: 'Create one' }).click();
  await page.getByRole('textbox', { name: 'Admin key' }).fill(server.admin);
  await page.getByRole('dialog').getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Send “hello”' }).click();
  await page.getByText('It is there').waitFor();
  expect(await page.locator('pre').first().innerText()).toMatch(/Bearer fw_\w+/);
  await page.getByRole('link', { name: 'Home' }).click();
  await page.getByRole('button', { name: /hello/ }).waitFor();
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('signs in to read with the link that the server prints', async () => {
  const { page, wrong } = await open(browser, server, '/project', { key: server.link.split('#key=')[1] });
  expect(page.url()).not.toContain('fr_');
  expect(await page.getByLabel('Name').isDisabled()).toBe(true);
  // What the key does not open is said, with the way to it.
  await page.getByRole('region', { name: 'Keys' }).getByRole('button', { name: 'Use an admin key' }).click();
  await page.getByRole('textbox', { name: 'Admin key' }).fill(server.admin);
  await page.getByRole('dialog').getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('region', { name: 'Keys of the project' }).waitFor();
  expect(wrong).toEqual([]);
  await page.context().close();
});

describe('with events', () => {
  beforeAll(async () => {
    await server.fill(20_000);
    await server.api('POST', '/v1/insights', { name: 'From view to purchase', description: 'Within a week', question: kinds[1] });
    await fetch(`${server.url}/v1/batch`, { method: 'POST', headers: { Authorization: `Basic ${btoa(`${server.write}:`)}` }, body: '{"batch":[{"type":"track"}]}' });
  });

  it.each(kinds)('shows the numbers of the API: $kind', async (q) => {
    const { page, wrong } = await open(browser, server, address(q));
    await settle(page);
    await page.getByRole('button', { name: 'Request' }).waitFor();
    await shot(page, q.kind);
    await page.getByRole('button', { name: 'Table', exact: true }).click();
    await page.locator('.table tbody tr').first().waitFor();
    const shown = await rows(page);
    expect(shown).toEqual(await told(server, q));
    expect(shown.length).toBeGreaterThan(2);
    // The address that the page has written is the question again, for somebody who has never been here.
    const shared = await open(browser, server, new URL(page.url()).pathname + new URL(page.url()).search);
    await shared.page.locator('.table tbody tr').first().waitFor();
    expect(await rows(shared.page)).toEqual(shown);
    expect([...wrong, ...shared.wrong]).toEqual([]);
    await page.context().close();
    await shared.page.context().close();
  });

  it('builds a funnel from nothing, with the keyboard, and takes it back', async () => {
    const { page, wrong } = await open(browser, server, '/explore');
    await settle(page);
    await page.getByRole('radio', { name: /Trends/ }).focus();
    await page.keyboard.press('ArrowRight');
    for (const [i, event] of ['product_viewed', 'purchase'].entries()) {
      const step = page.getByRole('group', { name: `Step ${i + 1}` });
      await step.getByRole('combobox', { name: 'Event', exact: true }).focus();
      await page.keyboard.type(event);
      await page.keyboard.press('Enter');
    }
    const heading = page.getByRole('heading', { name: 'product_viewed → purchase' });
    await heading.waitFor();
    await page.getByRole('button', { name: '+ Filter' }).last().click();
    const condition = page.getByRole('group', { name: 'Condition 1' });
    await condition.getByRole('combobox', { name: 'Property' }).click();
    await page.keyboard.type('$os');
    await page.keyboard.press('Enter');
    await condition.getByRole('textbox').fill('iOS');
    await page.waitForURL(/iOS/);
    await page.goBack();
    await page.waitForURL((url) => !url.search.includes('iOS'));
    await heading.waitFor();
    expect(wrong).toEqual([]);
    await page.context().close();
  });

  it('says at the field what the server refuses', async () => {
    const { page } = await open(browser, server, address({ kind: 'trends', range: { from: '-7d', to: 'now' }, series: [{ aggregate: 'sum', property: 'nobody_sent_this' }] }));
    await page.locator('[data-field="series[0]"]').waitFor();
    await page.context().close();
  });

  it('opens the people behind a step, as many as were counted', async () => {
    const { page, wrong } = await open(browser, server, address(kinds[1]!));
    const step = page.locator('ol > li').nth(1).getByRole('button').first();
    const count = await step.innerText();
    await step.click();
    await page.getByRole('dialog').getByText(/^\d.* people/).waitFor();
    expect(await page.getByRole('dialog').locator('p b').first().innerText()).toBe(count);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(wrong).toEqual([]);
    await page.context().close();
  });

  it('saves a question and shows it among the saved ones', async () => {
    const { page, wrong } = await open(browser, server, address(kinds[0]!));
    await page.getByRole('button', { name: 'Save …' }).click();
    await page.getByLabel('Name').fill('Buyers');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.waitForURL(/insight=/);
    await page.getByRole('link', { name: 'Saved' }).click();
    await page.getByRole('link', { name: 'Buyers' }).waitFor();
    await settle(page);
    await shot(page, 'saved');
    await page.getByRole('button', { name: 'Delete Buyers …' }).click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('link', { name: 'Buyers' }).waitFor({ state: 'detached' });
    expect(wrong).toEqual([]);
    await page.context().close();
  });

  it('rotates a key and revokes the old one', async () => {
    const { page, wrong } = await open(browser, server, '/project');
    const all = async () => (await server.api<KeysAnswer>('GET', '/v1/projects/1/keys')).keys;
    const old = (await all()).find((key) => key.kind === 'write')!;
    await page.getByRole('button', { name: `Rotate ${old.hint}` }).click();
    await page.getByText('It is shown once').waitFor();
    const made = await page.locator('.secret code').innerText();
    await server.api('POST', '/v1/events', [{ event: 'rotated', user_id: 'u' }], made);
    await page.getByRole('button', { name: `Revoke ${old.hint} …` }).click();
    await page.getByRole('button', { name: `Revoke ${old.hint}`, exact: true }).click();
    await page.getByRole('button', { name: `Revoke ${old.hint}`, exact: true }).waitFor({ state: 'detached' });
    await expect(server.api('POST', '/v1/events', [{ event: 'late', user_id: 'u' }], server.write)).rejects.toThrow('401');
    expect(wrong).toEqual([]);
    await page.context().close();
  });

  it('shows a dead letter, and what replaying it would do', async () => {
    const { page, wrong } = await open(browser, server, '/data');
    await page.getByRole('button', { name: /^Replay \d/ }).first().click();
    await page.getByText('What would happen').waitFor();
    await page.keyboard.press('Escape');
    expect(wrong).toEqual([]);
    await page.context().close();
  });

  it('tells that the project has all that it may have in a month, and lets more come', async () => {
    const { page, wrong } = await open(browser, server, '/project');
    await page.getByLabel('Events a month').fill('1000');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByText('Saved.').waitFor();
    const full = async () => (await server.api<ProjectsAnswer>('GET', '/v1/projects')).projects[0]?.full_until;
    await expect.poll(full, { timeout: 40_000 }).toBeTruthy();
    await page.reload();
    const said = page.getByText(/^The project has all the events that it may have this month\. Further ones are refused until 1 /);
    await said.waitFor();
    await page.getByRole('region', { name: 'Limits and their use' }).getByRole('row', { name: /in a month.*1,000\s+events_per_month/ }).waitFor();
    await accessible(page);
    await shot(page, 'full');
    await page.getByLabel('Events a month').fill('0');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await said.waitFor({ state: 'detached' });
    expect(await full()).toBeUndefined();
    expect(wrong).toEqual([]);
    await page.context().close();
  });

  it('changes settings, and shows times in the new zone', async () => {
    const { page, wrong } = await open(browser, server, '/project');
    await page.getByRole('combobox', { name: 'Time zone' }).click();
    await page.keyboard.type('Asia/Tokyo');
    await page.keyboard.press('Enter');
    await page.getByLabel('Weeks begin on').selectOption('sunday');
    await page.getByLabel('Days that events are kept').fill('400');
    await page.getByText('Events older than 400 days will be removed for good.').waitFor();
    await page.getByLabel('Minutes of silence').fill('45');
    await page.getByLabel('Events a second').fill('700');
    await accessible(page);
    const save = page.getByRole('button', { name: 'Save', exact: true });
    await save.click();
    await page.getByText('Saved.').waitFor();
    expect(await page.locator('header .zone').innerText()).toBe('Asia/Tokyo');
    const { projects } = await server.api<ProjectsAnswer>('GET', '/v1/projects');
    expect(projects[0]).toMatchObject({ timezone: 'Asia/Tokyo', week_start: 'sunday', retention_days: 400, session_gap_minutes: 45, events_per_second: 700 });
    // What is set is what is in effect, and who changed it is told.
    await page.reload();
    expect(await page.getByLabel('Minutes of silence').inputValue()).toBe('45');
    await page.getByRole('region', { name: 'Limits and their use' }).getByRole('row', { name: /700 a second\s+events_per_second/ }).waitFor();
    await page.getByText(/events_per_second 700, was 0/).waitFor();
    await server.api('PATCH', '/v1/projects/1', { timezone: 'UTC', week_start: 'monday', retention_days: 0, session_gap_minutes: 30, events_per_second: 0 });
    expect(wrong).toEqual([]);
    await page.context().close();
  });

  it('makes a project and a key for it, and tells when the key was used', async () => {
    const { page, wrong } = await open(browser, server, '/project');
    await page.getByLabel('New project').fill('Second');
    await page.locator('form', { has: page.getByLabel('New project') }).getByRole('button', { name: 'Create' }).click();
    await page.waitForURL(/project=2/);
    await page.locator('form', { has: page.getByLabel('New key') }).getByLabel('Name').fill('app');
    await page.locator('form', { has: page.getByLabel('New key') }).getByRole('button', { name: 'Create' }).click();
    await page.getByText('It is shown once').waitFor();
    const made = await page.locator('.secret code').innerText();
    // It is not lost by a click beside it.
    await page.getByRole('link', { name: 'Home' }).click();
    await page.getByRole('dialog', { name: 'The new key is shown this once' }).getByRole('button', { name: 'Stay' }).click();
    await page.getByRole('button', { name: 'I have it' }).click();
    const row = page.getByRole('region', { name: 'Keys of the project' }).getByRole('row', { name: /app/ });
    expect(await row.innerText()).toContain('never');
    await server.api('POST', '/v1/events', [{ event: 'used', user_id: 'u' }], made);
    const used = async () => (await server.api<KeysAnswer>('GET', '/v1/projects/2/keys')).keys.find((key) => key.name === 'app')!.last_used_at;
    await expect.poll(used).toBeTruthy();
    await page.reload();
    await row.waitFor();
    expect(await row.innerText()).not.toContain('never');
    expect(wrong).toEqual([]);
    await page.context().close();
  });

  const pages = ['/', '/saved', '/data', '/project', ...kinds.map((q) => address(q))];
  it.each([{}, { dark: true }])('is accessible on every page: %j', async (look) => {
    const { page, wrong } = await open(browser, server, '/', look);
    for (const path of pages) {
      await page.goto(server.url + path);
      await settle(page);
      if (!look.dark) await accessible(page);
      if (path.length < 10) await shot(page, `${path.slice(1) || 'home'}${look.dark ? '-dark' : ''}`);
    }
    expect(wrong).toEqual([]);
    await page.context().close();
  });

  it('fits on a phone', async () => {
    const { page, wrong } = await open(browser, server, '/', { phone: true });
    for (const path of pages) {
      await page.goto(server.url + path);
      await settle(page);
      await fits(page);
      if (path === '/' || path.includes('funnel')) await shot(page, `phone${path === '/' ? '' : '-funnel'}`);
    }
    expect(wrong).toEqual([]);
    await page.context().close();
  });
});
