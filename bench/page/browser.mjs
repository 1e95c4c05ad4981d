// Chromium as the measurements use it.
import { createRequire } from 'node:module';

const { chromium } = createRequire(new URL('../../web/package.json', import.meta.url))('playwright-core');

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox'] });

/** A page that is signed in; the script runs in it before its own, with the argument. */
export async function signedIn(browser, url, key, script, argument) {
  const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, locale: 'en-GB' });
  await context.addInitScript(`try { localStorage.setItem('freshet.key', ${JSON.stringify(key)}) } catch {}`);
  if (script) await context.addInitScript(script, argument);
  return context.newPage();
}

export const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
export const row = (name, text) => console.log(name.padEnd(46) + text);
