// Whether Home stays smooth and small while events arrive. node live.mjs URL KEY SECONDS
import { launch, median, row, signedIn } from './browser.mjs';

const [url, key, seconds] = process.argv.slice(2);
const every = 10;

/** Runs in the page: counts its frames. */
function count() {
  globalThis.frames = 0;
  const next = () => {
    globalThis.frames++;
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
}

const browser = await launch();
const page = await signedIn(browser, url, key, count);
const cdp = await page.context().newCDPSession(page);
await cdp.send('Performance.enable');
await page.goto(`${url}/`);
await page.locator('.chart canvas').first().waitFor();
await page.waitForTimeout(5000);

async function look() {
  await cdp.send('HeapProfiler.collectGarbage');
  const { metrics } = await cdp.send('Performance.getMetrics');
  const of = (name) => metrics.find((m) => m.name === name).value;
  return { heap: of('JSHeapUsedSize') / 1e6, nodes: of('Nodes') };
}

const frames = [], heaps = [];
const accepted = async () => (await (await fetch(`${url}/v1/operations`, { headers: { Authorization: `Bearer ${key}` } })).json()).accepted;
const [began, sent] = [Date.now(), await accepted()];
while (Date.now() - began < Number(seconds) * 1000) {
  const at = await page.evaluate(() => [performance.now(), globalThis.frames]);
  await page.waitForTimeout(every * 1000);
  const then = await page.evaluate(() => [performance.now(), globalThis.frames]);
  frames.push(((then[1] - at[1]) * 1000) / (then[0] - at[0]));
  heaps.push(await look());
}
const rate = ((await accepted()) - sent) / ((Date.now() - began) / 1000);
await browser.close();
const third = Math.ceil(heaps.length / 3);
const heap = (part) => median(part.map((h) => h.heap)).toFixed(1);
row(`live for ${Math.round((Date.now() - began) / 1000)} s at ${Math.round(rate)} events/s`, `${median(frames).toFixed(0)} frames/s (least ${Math.min(...frames).toFixed(0)} over ${every} s)`);
row('memory of the page', `${heap(heaps.slice(0, third))} MB in the first third, ${heap(heaps.slice(-third))} MB in the last; ${heaps[0].nodes} nodes, then ${heaps.at(-1).nodes}`);
