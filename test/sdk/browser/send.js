// Sends events through an unmodified browser SDK from a page in Chromium: node send.js [scene]
// SDK is amplitude, mixpanel or segment. FRESHET_URL and FRESHET_KEY say where to; EVENTS is their number. Prints the id that the
// SDK gave the browser.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const { FRESHET_URL: host, FRESHET_KEY: key, EVENTS: count = "100", SDK: sdk, CHROMIUM: executablePath = "/usr/bin/chromium" } = process.env;
const build = {
  amplitude: "@amplitude/analytics-browser/lib/scripts/amplitude-min.js",
  mixpanel: "mixpanel-browser/dist/mixpanel.umd.js",
  segment: "@segment/analytics-next/dist/umd/index.js",
}[sdk];
const scripts = {
  "/sdk.js": readFileSync(createRequire(import.meta.url).resolve(build)),
  "/page.js": readFileSync(new URL(`${sdk}.js`, import.meta.url)),
};
const pages = createServer((request, response) => {
  const script = scripts[request.url];
  response.setHeader("Content-Type", script ? "text/javascript" : "text/html");
  response.end(script ?? '<!doctype html><title>Shop</title><script src="/sdk.js"></script><script src="/page.js"></script>');
});
await new Promise((resolve) => pages.listen(0, "127.0.0.1", resolve));
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
try {
  if (process.argv[2] === "scene") await scene();
  else await load(Number(count));
} finally {
  await browser.close();
  pages.close();
}

// visit opens the page as a browser does that was never here before. The page's shop is what page.js makes of the SDK.
async function visit() {
  const page = await (await browser.newContext()).newPage();
  page.on("pageerror", (error) => {
    console.error("the page:", error.message);
    process.exitCode = 1;
  });
  await page.goto(`http://127.0.0.1:${pages.address().port}/home?utm_source=ad`);
  await page.evaluate(({ host, key }) => window.shop.start(host, key), { host, key });
  return page;
}

async function scene() {
  const first = await visit();
  await first.evaluate((user) => {
    window.shop.track("App Opened");
    window.shop.login(user);
    window.shop.track("Signed Up");
    window.shop.set({ plan: "pro" });
    return window.shop.settle();
  }, `u-${sdk}-js`);
  const second = await visit();
  await second.evaluate((user) => {
    window.shop.track("Product Viewed");
    window.shop.login(user);
    window.shop.track("Purchased", { amount: 42.5 });
    return window.shop.settle();
  }, `u-${sdk}-js`);
}

async function load(count) {
  const page = await visit();
  let device;
  for (let begin = 0; begin < count; begin += 20) {
    await page.evaluate(({ begin, count }) => {
      for (let n = begin; n < Math.min(begin + 20, count); n++) {
        if (n === Math.floor(count / 2)) {
          window.shop.login("user-1");
          window.shop.set({ plan: "pro" });
        }
        window.shop.track(n % 2 === 0 ? "Product Viewed" : window.shop.page, { n, price: n / 4 }, Date.now() - n * 1000);
      }
    }, { begin, count });
    // With every failure an SDK waits longer, until it has sent all that it has.
    device = await page.evaluate(() => window.shop.settle());
  }
  console.log(JSON.stringify(device));
}
