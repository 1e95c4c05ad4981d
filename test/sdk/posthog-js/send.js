// Sends events through the unmodified browser SDK of PostHog from a page in Chromium: node send.js [scene]
// FRESHET_URL and FRESHET_KEY say where to; EVENTS is their number. Prints the ids of the numbered events.
import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const { FRESHET_URL: host, FRESHET_KEY: key, EVENTS: count = "100", CHROMIUM: executablePath = "/usr/bin/chromium" } = process.env;
const library = createRequire(import.meta.url).resolve("posthog-js/dist/array.full.no-external.js");
const pages = createServer((request, response) => {
  if (request.url === "/posthog.js") {
    response.setHeader("Content-Type", "text/javascript");
    createReadStream(library).pipe(response);
    return;
  }
  response.setHeader("Content-Type", "text/html");
  response.end('<!doctype html><title>Shop</title><script src="/posthog.js"></script><button>Buy</button>');
});
await new Promise((resolve) => pages.listen(0, "127.0.0.1", resolve));
const address = `http://127.0.0.1:${pages.address().port}/home?utm_source=ad`;
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });

try {
  if (process.argv[2] === "scene") await scene();
  else await load(Number(count));
} finally {
  await browser.close();
  pages.close();
}

// device opens the page as a device does that was never here before.
async function device(options = {}) {
  const page = await (await browser.newContext()).newPage();
  page.on("pageerror", (error) => console.error("the page:", error.message));
  // What has failed comes again, after 3 s, 6 s, 12 s and so on, with a count in its address.
  let [open, failed, again] = [0, 0, 0];
  const quiet = () => open === 0 && again >= failed;
  const counts = (request) => request.method() === "POST" && !request.url().includes("/flags");
  page.on("request", (request) => {
    if (!counts(request)) return;
    open++;
    if (new URL(request.url()).searchParams.has("retry_count")) again++;
  });
  page.on("requestfinished", async (request) => {
    if (!counts(request)) return;
    if ((await request.response()).status() >= 500) failed++;
    open--;
  });
  page.on("requestfailed", (request) => {
    if (!counts(request)) return;
    failed++;
    open--;
  });
  await page.goto(address);
  await page.evaluate(({ host, key, options }) => {
    window.sent = {};
    window.posthog.init(key, {
      api_host: host, opt_out_useragent_filter: true, capture_pageview: false, capture_pageleave: false, autocapture: false,
      disable_session_recording: true, disable_surveys: true, request_queue_config: { flush_interval_ms: 250 },
      // The SDK holds pages to ten events a second, of which this one has more to say.
      rate_limiting: { events_per_second: 10000, events_burst_limit: 100000 }, ...options,
    });
    window.posthog.on("eventCaptured", (event) => { if (event.properties.n !== undefined) window.sent[event.properties.n] = event.uuid; });
  }, { host, key, options });
  return { page, quiet };
}

async function scene() {
  const user = "u-posthog-js";
  const first = await device();
  await first.page.evaluate((user) => {
    window.posthog.capture("App Opened");
    window.posthog.identify(user, { plan: "pro" });
    window.posthog.capture("Signed Up");
  }, user);
  await settle(first);
  const second = await device();
  await second.page.evaluate((user) => {
    window.posthog.capture("Product Viewed");
    window.posthog.identify(user);
    window.posthog.capture("Purchased", { amount: 42.5 });
  }, user);
  await settle(second);
}

async function load(count) {
  const shop = await device();
  for (let n = 0; n < count; n += 20) {
    await shop.page.evaluate(({ n, count }) => {
      for (let i = n; i < Math.min(n + 20, count); i++) {
        if (i === Math.floor(count / 2)) window.posthog.identify("user-1", { plan: "pro" }, { first: i });
        const name = ["clicked", "$pageview", "$screen", "Product Viewed"][i % 4];
        window.posthog.capture(name, { n: i, price: i / 4, $screen_name: i % 4 === 2 ? "Cart" : undefined }, { timestamp: new Date(Date.now() - i * 1000) });
      }
    }, { n, count });
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await settle(shop);
  console.log(JSON.stringify(await shop.page.evaluate(() => window.sent)));
}

// settle waits until the SDK has nothing more to send and has been quiet for a while, but not for ever: it gives up in the end.
async function settle({ quiet }) {
  const end = Date.now() + 120_000;
  for (let calm = 0; calm < 40 && Date.now() < end; calm = quiet() ? calm + 1 : 0) await new Promise((resolve) => setTimeout(resolve, 200));
}
