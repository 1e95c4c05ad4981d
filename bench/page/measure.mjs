// How soon pages are there from a cold cache, and how soon a change of the question is another picture.
// node measure.mjs URL KEY END, where END is the time of the last event.
import { launch, median, row, signedIn } from './browser.mjs';

const [url, key, end] = process.argv.slice(2);
const rounds = 5;
const day = (ago) => new Date(Date.parse(end) - ago * 86_400_000).toISOString().slice(0, 10);
const range = { from: day(30), to: day(0) };
const trends = { kind: 'trends', range, interval: 'day', series: [{ id: 'A', events: ['purchase'], aggregate: 'unique' }] };
const address = (q) => `/explore?q=${encodeURIComponent(JSON.stringify(q))}`;

/** Where the first number of a page is: on Home the counter of the people who are there now, in Explore the picture. */
const numbers = { '/': 'section[aria-label="Today"] li b', '/explore': '.told .chart canvas' };

/**
 * Runs in the page: notes when its controls are there and the browser has time for them, the long tasks until then, and when
 * the first number is seen.
 */
function watch(number) {
  const noted = { controls: 0, interactive: 0, blocked: 0, number: 0 };
  globalThis.noted = noted;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (!noted.interactive || entry.startTime < noted.interactive) noted.blocked += Math.max(0, entry.duration - 50);
    }
  }).observe({ type: 'longtask', buffered: true });
  const look = () => {
    if (!document.querySelector('nav') || !document.querySelector('main button, main a, main input')) return void requestAnimationFrame(look);
    noted.controls = performance.now();
    requestIdleCallback(() => (noted.interactive = performance.now()));
  };
  requestAnimationFrame(look);
  if (!number) return;
  const count = () => {
    // The frame after the one that the number is in has been drawn with it.
    if (document.querySelector(number)) requestAnimationFrame(() => (noted.number = performance.now()));
    else requestAnimationFrame(count);
  };
  requestAnimationFrame(count);
}

async function cold(path) {
  const paints = [], interactives = [], blocked = [], seen = [];
  const number = numbers[path.split('?')[0]];
  for (let i = 0; i < rounds; i++) {
    const browser = await launch(); // a browser that has never been here
    const page = await signedIn(browser, url, key, watch, number);
    await page.goto(url + path);
    await page.waitForFunction((number) => globalThis.noted?.interactive > 0 && (!number || globalThis.noted.number > 0), number);
    const noted = await page.evaluate(() => ({ ...globalThis.noted, paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0 }));
    paints.push(noted.paint);
    interactives.push(noted.interactive);
    blocked.push(noted.blocked);
    seen.push(noted.number);
    await browser.close();
  }
  const text = (values) => `${Math.round(median(values))} ms (at most ${Math.round(Math.max(...values))})`;
  row(`cold ${path.split('?')[0]}`, `first paint ${text(paints)}, interactive ${text(interactives)}, blocked ${Math.round(median(blocked))} ms`);
  if (number) row('', `first number ${text(seen)}`);
}

/** The answer at the end of a stream that tells the progress before it. */
function answerOf(stream) {
  const found = stream.split(/\r?\n\r?\n/).map((message) => /^event: answer\r?\ndata: (.*)$/s.exec(message)).find((m) => m);
  if (!found) throw new Error(`there is no answer in the stream: ${stream.slice(0, 200)}`);
  return JSON.parse(found[1]);
}

/** Changes a filter again and again, and takes the time from the change to the new picture, less the question's own. */
async function change() {
  const browser = await launch();
  const page = await signedIn(browser, url, key);
  await page.goto(url + address({ ...trends, where: { property: '$os', op: 'is', value: 'iOS' } }));
  await page.locator('.chart canvas').waitFor();
  const value = page.getByRole('group', { name: 'Condition 1' }).getByRole('textbox').last();
  const whole = [], rest = [];
  for (const wanted of ['Android', 'iOS', 'Android', 'iOS', 'Android']) {
    await page.waitForTimeout(500);
    const answered = page.waitForResponse((r) => r.url().includes('/v1/query') && r.request().postData()?.includes(wanted));
    await value.evaluate((field, text) => {
      const chart = document.querySelector('.told .chart') ?? document.querySelector('.chart');
      const label = chart.getAttribute('aria-label');
      field.value = text;
      globalThis.changed = new Promise((done) => {
        const look = () => {
          const now = document.querySelector('.told .chart') ?? document.querySelector('.chart');
          // The frame after the one that was drawn with the new numbers.
          if (now && now.getAttribute('aria-label') !== label) requestAnimationFrame(() => done(performance.now() - began));
          else requestAnimationFrame(look);
        };
        const began = performance.now();
        field.dispatchEvent(new Event('input', { bubbles: true }));
        requestAnimationFrame(look);
      });
    }, wanted);
    const took = await page.evaluate(() => globalThis.changed);
    const response = await answered;
    const { took_ms: asked } = answerOf(await response.text());
    whole.push(took);
    rest.push(took - asked);
  }
  await browser.close();
  row('a filter, from change to picture', `${Math.round(median(whole))} ms, of which ${Math.round(median(rest))} ms beside the question (at most ${Math.round(Math.max(...rest))})`);
}

await cold('/');
await cold(address(trends));
await cold('/dashboards');
await cold('/operations');
await change();
