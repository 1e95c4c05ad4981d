// The address says what is shown, and a move loses nothing.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Dashboard, LinkAnswer, Project } from '../src/lib/openapi';
import { accessible, launch, open, settle, shot } from './browser';
import { Server } from './server';

let server: Server;
let browser: Browser;
let second: number;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
  second = (await server.api<Project>('POST', '/v1/projects', { name: 'Second', timezone: 'Asia/Tokyo' })).id;
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

it('shows the project that the address names', async () => {
  const { page, wrong } = await open(browser, server, '/data');
  const zone = page.locator('header .zone');
  // An address without a project gets the one that is shown.
  await page.waitForURL(/project=1$/);
  await page.getByRole('combobox', { name: 'Project' }).selectOption(String(second));
  await expect.poll(() => zone.innerText()).toBe('Asia/Tokyo');
  expect(new URL(page.url()).searchParams.get('project')).toBe(String(second));
  await page.goBack();
  await expect.poll(() => zone.innerText()).toBe('UTC');
  expect(await page.getByRole('combobox', { name: 'Project' }).inputValue()).toBe('1');
  await page.goForward();
  await expect.poll(() => zone.innerText()).toBe('Asia/Tokyo');
  await page.getByRole('link', { name: 'Settings' }).click();
  await page.getByRole('region', { name: 'Projects of this server' }).getByRole('link').click();
  await expect.poll(() => zone.innerText()).toBe('UTC');

  await page.goto(`${server.url}/?project=99`);
  await page.getByText('Your key opens no project 99').waitFor();
  // A move goes to the project that is shown, also where the key alone says which that is.
  const { key } = await server.api<{ key: string }>('POST', `/v1/projects/${second}/keys`, { kind: 'read' });
  const reader = await open(browser, server, '/data?project=99', { key });
  await reader.page.getByText('Your key opens no project 99').waitFor();
  await reader.page.getByRole('link', { name: 'Saved' }).click();
  await reader.page.getByText('Your key opens no project 99').waitFor({ state: 'detached' });
  expect(new URL(reader.page.url()).search).toBe('');
  expect(reader.wrong).toEqual([]);
  await reader.page.context().close();
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('names the project in every link', async () => {
  const { page, wrong } = await open(browser, server, '/');
  for (const path of ['/', '/explore', '/dashboards', '/saved', '/people', '/cohorts', '/data', '/project', '/operations']) {
    await page.goto(`${server.url}${path}?project=${second}`);
    await settle(page);
    const links = await page.locator('a[href^="/"]').evaluateAll((all) => all.map((a) => a.getAttribute('href')!));
    const ours = links.filter((link) => !/^\/(v1\/docs|metrics|licenses\.txt)/.test(link) && link !== '/project?project=1');
    expect(ours.length, path).toBeGreaterThan(7);
    expect(ours.filter((link) => new URLSearchParams(link.split(/[?#]/)[1]).get('project') !== String(second)), path).toEqual([]);
  }
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('stays in the project by a link of a text card', async () => {
  const tile = { id: 't1', x: 0, y: 0, w: 6, h: 3, text: '[What arrives](/data#debugger)' };
  const made = await server.api<Dashboard>('POST', `/v1/dashboards?project=${second}`, { name: 'Theirs', tiles: [tile] });
  const { page, wrong } = await open(browser, server, `/dashboards?project=${second}&board=${made.id}`);
  await page.getByRole('link', { name: 'What arrives' }).click();
  await page.waitForURL((url) => url.pathname === '/data' && url.searchParams.get('project') === String(second));
  expect(await page.locator('header .zone').innerText()).toBe('Asia/Tokyo');
  // Behind a public link it leaves that, and the browser's button leads back.
  const { token } = await server.api<LinkAnswer>('POST', `/v1/dashboards/${made.id}/link?project=${second}`);
  const guest = await (await browser.newContext()).newPage();
  await guest.goto(`${server.url}/shared#${token}`);
  await guest.getByRole('link', { name: 'What arrives' }).click();
  await guest.getByLabel('Key').waitFor();
  await guest.goBack();
  await guest.getByRole('heading', { name: 'Theirs' }).waitFor();
  await guest.context().close();
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('goes on with an admin key in the project that a read key opened', async () => {
  const { key } = await server.api<{ key: string }>('POST', `/v1/projects/${second}/keys`, { kind: 'read' });
  const { page, wrong } = await open(browser, server, '/cohorts?new=1', { key });
  await page.getByRole('button', { name: '+ What they did' }).click();
  await page.getByRole('button', { name: 'Use an admin key' }).click();
  await page.getByRole('textbox', { name: 'Admin key' }).fill(server.admin);
  await page.getByRole('dialog').getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Create the cohort' }).waitFor();
  // What was begun is still there.
  await page.getByRole('group', { name: 'Condition 2' }).waitFor();
  expect(await page.locator('header .zone').innerText()).toBe('Asia/Tokyo');
  expect(new URL(page.url()).searchParams.get('project')).toBe(String(second));
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('asks before work is left that is not saved', async () => {
  const made = await server.api<Dashboard>('POST', '/v1/dashboards?project=1', { name: 'Mine' });
  const { page, wrong } = await open(browser, server, '/');
  await page.goto(`${server.url}/dashboards?project=1`);
  await page.getByRole('link', { name: /^Mine/ }).click();
  const sheet = page.getByRole('dialog', { name: 'What was changed is not saved' });
  const stay = async () => {
    await sheet.getByRole('button', { name: 'Stay' }).click();
    await sheet.waitFor({ state: 'detached' });
    expect(new URL(page.url()).searchParams.get('board')).toBe(made.id);
    expect(await page.getByLabel('Name').inputValue()).toBe('Ours');
  };
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  await page.getByLabel('Name').fill('Ours');
  // By a link, by another project, by a key of the keyboard, by the palette, and by the browser's button.
  await page.getByRole('link', { name: 'Saved' }).click();
  await accessible(page);
  await shot(page, 'leave');
  await stay();
  await page.getByRole('combobox', { name: 'Project' }).selectOption(String(second));
  await stay();
  expect(await page.getByRole('combobox', { name: 'Project' }).inputValue()).toBe('1');
  await page.getByRole('button', { name: 'Discard' }).focus();
  await page.keyboard.press('1');
  await stay();
  await page.keyboard.press('Control+k');
  await page.keyboard.type('sign out');
  await page.keyboard.press('Enter');
  await stay();
  await page.goBack();
  await stay();
  await page.goBack();
  await sheet.getByRole('button', { name: 'Leave all the same' }).click();
  await page.waitForURL((url) => url.pathname === '/dashboards' && !url.search.includes('board'));
  // Forward again, where nothing is changed any more.
  await page.goForward();
  await page.getByRole('button', { name: 'Edit', exact: true }).waitFor();
  await page.getByRole('link', { name: 'Home' }).click();
  await page.waitForURL((url) => url.pathname === '/');
  expect((await server.api<Dashboard>('GET', `/v1/dashboards/${made.id}?project=1`)).name).toBe('Mine');
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('asks before a cohort or a plan is left that is not saved', async () => {
  const { page, wrong } = await open(browser, server, '/cohorts?project=1');
  const sheet = page.getByRole('dialog', { name: 'What was changed is not saved' });
  await page.getByRole('link', { name: 'New cohort' }).click();
  await page.getByRole('link', { name: 'All cohorts' }).click();
  // Nothing was written, so nothing is asked.
  await page.getByRole('link', { name: 'New cohort' }).click();
  await page.getByLabel('Name').fill('Buyers');
  await page.getByRole('link', { name: 'All cohorts' }).click();
  await sheet.getByRole('button', { name: 'Stay' }).click();
  await page.getByRole('combobox', { name: 'Event', exact: true }).click();
  await page.keyboard.type('purchase');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Create the cohort' }).click();
  await page.waitForURL(/id=\d/);
  await page.getByRole('link', { name: 'Data' }).click();
  await page.getByRole('button', { name: 'Write or import one …' }).click();
  const plan = page.getByRole('dialog', { name: 'Tracking plan' });
  await plan.getByRole('button', { name: 'JSON' }).click();
  await plan.getByLabel('The plan as JSON').fill('{"events":[]} ');
  await page.goBack();
  await sheet.getByRole('button', { name: 'Stay' }).click();
  expect(await plan.getByLabel('The plan as JSON').inputValue()).toBe('{"events":[]} ');
  await plan.getByRole('button', { name: /^Close/ }).click();
  await plan.getByRole('button', { name: 'Close all the same' }).click();
  // Text in a sheet over a draft that is not changed.
  const made = await server.api<Dashboard>('POST', '/v1/dashboards?project=1', { name: 'Of words' });
  await page.goto(`${server.url}/dashboards?project=1`);
  await page.getByRole('link', { name: /^Of words/ }).click();
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  await page.getByRole('button', { name: '+ Text' }).click();
  const text = page.getByRole('textbox', { name: 'Text' });
  await text.fill('A page of words');
  await page.goBack();
  await sheet.getByRole('button', { name: 'Stay' }).click();
  expect([await text.inputValue(), new URL(page.url()).searchParams.get('board')]).toEqual(['A page of words', made.id]);
  await page.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('article', { name: 'A page of words' }).waitFor();
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('shows on a phone which page it is', async () => {
  const { page, wrong } = await open(browser, server, '/operations', { phone: true });
  const shown = async (name: RegExp, within: string) => {
    const box = (await page.locator(within).getByText(name).first().boundingBox())!;
    return box.x >= 0 && box.x + box.width <= 390;
  };
  await expect.poll(() => shown(/^Operations$/, 'nav[aria-label="Pages"]')).toBe(true);
  await page.goto(`${server.url}/explore?q=${encodeURIComponent('{"kind":"sessions"}')}`);
  await settle(page);
  await expect.poll(() => shown(/^Sessions$/, '.kinds')).toBe(true);
  expect(wrong).toEqual([]);
  await page.context().close();
});
