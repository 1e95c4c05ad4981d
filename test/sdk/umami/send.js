// Sends events through the unmodified Node client of Umami: node send.js [scene]
// FRESHET_URL and FRESHET_KEY say where to; EVENTS is their number.
import { createRequire } from "node:module";
const { Umami } = createRequire(import.meta.url)("@umami/node");

const { FRESHET_URL: hostUrl, FRESHET_KEY: websiteId, EVENTS: count = "100" } = process.env;
const phone = (os) => new Umami({ hostUrl, websiteId, userAgent: `Mozilla/5.0 (${os}) Safari/605.1` });

if (process.argv[2] === "scene") await scene();
else await load(Number(count));

async function scene() {
  const id = "u-umami";
  const one = phone("iPhone; CPU iPhone OS 18_1 like Mac OS X");
  await one.track({ name: "App Opened" });
  await one.track({ name: "Signed Up", id });
  await one.send({ website: websiteId, id, data: { plan: "pro" } }, "identify");
  const two = phone("Linux; Android 15; Pixel 9");
  await two.track({ name: "Product Viewed" });
  await two.send({ website: websiteId, id }, "identify");
  await two.track({ name: "Purchased", id, data: { amount: 42.5 } });
}

async function load(count) {
  const umami = phone("iPhone; CPU iPhone OS 18_1 like Mac OS X");
  const page = { hostname: "shop.example", language: "en-GB", screen: "1170x2532", url: "/home?utm_source=ads&q=1", title: "Home", referrer: "https://search.example/" };
  let arrived = 0;
  for (let n = 0; n < count; n++) {
    const id = n % 3 === 0 ? { id: `user-${n % 300}` } : {};
    const timestamp = Math.floor(Date.now() / 1000) - n;
    const one = n % 4 === 3 ? umami.track({ ...page, ...id, timestamp, data: { n } })
      : n % 4 === 2 ? umami.track(`event ${n % 7}`, { n, nested: { n } })
        : umami.track({ ...page, ...id, timestamp, name: `event ${n % 7}`, data: { n, price: n / 4 }, tag: "a" });
    // The client never tries again: what the network loses is lost.
    await one.then((r) => { if (r.ok) arrived++; }, () => {});
  }
  console.log(JSON.stringify({ arrived }));
}
