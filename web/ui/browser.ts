// Chromium, and pages that fail a test by what they write to the console.
import axe from 'axe-core';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { expect, onTestFailed } from 'vitest';
import type { Server } from './server';

export type Look = { dark?: boolean; phone?: boolean; key?: string };

export async function launch(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM;
  if (!executablePath) throw new Error('CHROMIUM does not say where a browser is');
  return chromium.launch({ executablePath, args: ['--no-sandbox'] });
}

/** Opens a page in a browser that has never been here, signed in; what goes wrong in it is collected. */
export async function open(browser: Browser, server: Server, path: string, look: Look = {}): Promise<{ page: Page; wrong: string[] }> {
  const context = await browser.newContext({
    viewport: look.phone ? { width: 390, height: 844 } : { width: 1360, height: 860 },
    colorScheme: look.dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    locale: 'en-GB',
  });
  // A machine that runs all tests at once may take its time.
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  const wrong: string[] = [];
  page.on('pageerror', (error) => wrong.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') wrong.push(message.text());
  });
  // What a machine elsewhere met can be told from this only.
  const calls: string[] = [];
  page.on('requestfinished', (request) => void request.response().then((r) => calls.push(`${r?.status()} ${request.url()}`)).catch(() => {}));
  page.on('requestfailed', (request) => calls.push(`${request.failure()?.errorText} ${request.url()}`));
  onTestFailed(async () => {
    if (page.isClosed()) return;
    const text = await page.locator('body').innerText({ timeout: 5_000 }).catch(String);
    console.error(`${page.url()} was:\n${text}\nwrong: ${wrong.join('\n')}\ncalls:\n${calls.slice(-40).join('\n')}`);
  });
  await page.goto(`${server.url}${path}#key=${look.key ?? server.admin}`);
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
  return { page, wrong };
}

/** Waits until the page asks for nothing more that it says it is loading. */
export async function settle(page: Page): Promise<void> {
  // The page where somebody signs in has a heading as well, and is seen until the key is known.
  await page.waitForFunction(() => !!document.querySelector(location.pathname === '/shared' ? 'h1' : '#main h1')?.textContent?.trim());
  await page.waitForFunction(() => !/Loading …|Connecting …/.test(document.querySelector('main')?.innerText ?? '…'));
  await page.waitForFunction(() => [...document.querySelectorAll('.chart')].every((chart) => chart.querySelector('canvas')));
}

/** Checks WCAG 2.2 AA with axe, in both themes. */
export async function accessible(page: Page): Promise<void> {
  await page.evaluate(axe.source);
  const began = await page.evaluate(() => matchMedia('(prefers-color-scheme: dark)').matches);
  const themes = began ? (['dark', 'light'] as const) : (['light', 'dark'] as const);
  for (const colorScheme of themes) {
    await page.emulateMedia({ colorScheme });
    const found = await page.evaluate(async () => {
      const engine = (globalThis as unknown as { axe: typeof axe }).axe;
      const result = await engine.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
      return result.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + ' ' + (n.any[0]?.message ?? '')).join(' | ')}`);
    });
    expect(found, `${colorScheme}: ${page.url()}`).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: themes[0] });
}

/** Nothing may be wider than the screen: what is has to scroll in itself. */
export async function fits(page: Page): Promise<void> {
  const past = await page.evaluate(() => {
    if (document.documentElement.scrollWidth <= innerWidth) return [];
    return [...document.querySelectorAll('main *, header *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 120));
  });
  expect(past.slice(0, 5), page.url()).toEqual([]);
}

/** Holds back what matches the pattern until the returned function is called. */
export async function hold(page: Page, pattern: RegExp): Promise<() => void> {
  let release = () => {};
  const released = new Promise<void>((done) => (release = done));
  await page.route(pattern, async (route) => {
    await released;
    // Whoever asked may have given up.
    await route.continue().catch(() => {});
  });
  return release;
}

/** Keeps a picture of the page when SHOTS says where. */
export async function shot(page: Page, name: string): Promise<void> {
  const folder = process.env.SHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`) });
}
