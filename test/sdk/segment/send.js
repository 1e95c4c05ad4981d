// Sends events through the unmodified SDK of Segment, as an app's backend would: node send.js [scene]
// FRESHET_URL and FRESHET_KEY say where to; EVENTS is their number. Prints the ids that the SDK gave them.
import { Analytics } from "@segment/analytics-node";

const { FRESHET_URL: host, FRESHET_KEY: writeKey, EVENTS: count = "100" } = process.env;
const analytics = new Analytics({ host, writeKey, flushAt: 50, flushInterval: 500, maxRetries: 30, httpRequestTimeout: 15000 });
const ids = [];
analytics.on("http_request", (request) => {
  for (const event of JSON.parse(request.body).batch) ids.push(event.messageId);
});
analytics.on("error", (error) => {
  console.error("the SDK gave up:", error);
  process.exitCode = 1;
});

if (process.argv[2] === "scene") scene();
else await load(Number(count));
await analytics.closeAndFlush({ timeout: 120000 });
console.log(JSON.stringify([...new Set(ids)]));

function scene() {
  const userId = "u-segment";
  analytics.track({ anonymousId: "d1", event: "App Opened" });
  analytics.track({ anonymousId: "d1", userId, event: "Signed Up" });
  analytics.identify({ anonymousId: "d1", userId, traits: { plan: "pro" } });
  analytics.track({ anonymousId: "d2", event: "Product Viewed" });
  analytics.identify({ anonymousId: "d2", userId });
  analytics.track({ anonymousId: "d2", userId, event: "Purchased", properties: { amount: 42.5 } });
}

async function load(count) {
  const kinds = ["track", "page", "screen", "identify", "group", "alias", "track", "track", "track", "track"];
  for (let n = 0; n < count; n++) {
    const person = n % 300;
    const who = n % 3 === 0 ? { userId: `user-${person}` } : { anonymousId: `anonymous-${person}` };
    const common = { ...who, timestamp: new Date(Date.now() - n * 1000), context: { app: { name: "Shop", version: "1.2.3" } } };
    switch (kinds[n % kinds.length]) {
      case "track":
        analytics.track({ ...common, event: `event ${n % 7}`, properties: { n, price: n / 4, tags: ["a", "b"], nested: { n } } });
        break;
      case "page":
        analytics.page({ ...common, name: "Home", properties: { url: "https://shop.example/home" } });
        break;
      case "screen":
        analytics.screen({ ...common, name: "Cart" });
        break;
      case "identify":
        analytics.identify({ ...common, userId: `user-${person}`, anonymousId: `anonymous-${person}`, traits: { plan: "pro", n } });
        break;
      case "group":
        analytics.group({ ...common, groupId: `team-${n % 10}`, traits: { size: n } });
        break;
      case "alias":
        analytics.alias({ userId: `user-${person}`, previousId: `anonymous-${person}` });
        break;
    }
    // Requests go out meanwhile, as they do in an app that is busy with other things.
    if (n % 500 === 499) await new Promise((resolve) => setImmediate(resolve));
  }
}
