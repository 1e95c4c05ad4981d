// Sends events through the unmodified Node SDK of RudderStack: node send.js [scene]
// FRESHET_URL and FRESHET_KEY say where to; EVENTS is their number.
import Analytics from "@rudderstack/rudder-sdk-node";

const { FRESHET_URL: url, FRESHET_KEY: key, EVENTS: count = "100" } = process.env;
const analytics = new Analytics(key, {
  dataPlaneUrl: url, flushAt: 50, flushInterval: 200, maxInternalQueueSize: 100000, retryCount: 30, logLevel: "error",
  errorHandler: (error) => {
    console.error("the SDK gave up:", error.message);
    process.exitCode = 1;
  },
});
const call = (name, message) => new Promise((resolve) => analytics[name](message, resolve));

if (process.argv[2] === "scene") await scene();
else await load(Number(count));

async function scene() {
  const user = "u-rudderstack";
  await call("track", { anonymousId: "d1", event: "App Opened" });
  await call("track", { anonymousId: "d1", userId: user, event: "Signed Up" });
  await call("identify", { anonymousId: "d1", userId: user, traits: { plan: "pro" } });
  await call("track", { anonymousId: "d2", event: "Product Viewed" });
  await call("identify", { anonymousId: "d2", userId: user, traits: {} });
  await call("track", { anonymousId: "d2", userId: user, event: "Purchased", properties: { amount: 42.5 } });
  await analytics.flush();
}

async function load(count) {
  const kinds = ["track", "page", "screen", "identify", "group", "alias", "track", "track"];
  const sent = [];
  for (let n = 0; n < count; n++) {
    const person = n % 300;
    const common = { userId: `user-${person}`, anonymousId: `anonymous-${person}`, timestamp: new Date(Date.now() - n * 1000),
      context: { app: { name: "Shop", version: "1.2.3" }, sessionId: 1795434225 + person } };
    const kind = kinds[n % kinds.length];
    const message = {
      track: { ...common, event: `event ${n % 7}`, properties: { n, price: n / 4, tags: ["a", "b"], nested: { n } } },
      page: { ...common, name: "Home", properties: { n, url: "https://shop.example/home" } },
      screen: { ...common, name: "Cart", properties: { n } },
      identify: { ...common, traits: { plan: "pro", n } },
      group: { ...common, groupId: `team-${n % 10}`, traits: { n } },
      alias: { userId: common.userId, previousId: common.anonymousId, timestamp: common.timestamp, context: common.context, properties: { n } },
    }[kind];
    sent.push(call(kind, message));
    if (n % 500 === 499) await new Promise((resolve) => setImmediate(resolve));
  }
  await analytics.flush();
  await Promise.all(sent);
}
