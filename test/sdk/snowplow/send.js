// Sends events through the unmodified Node tracker of Snowplow: node send.js [scene]
// FRESHET_URL and FRESHET_KEY say where to; EVENTS is their number. METHOD=get uses the pixel instead of tp2.
import { buildPageView, buildScreenView, buildSelfDescribingEvent, buildStructEvent, newTracker } from "@snowplow/node-tracker";

const { FRESHET_URL: url, FRESHET_KEY: key, EVENTS: count = "100", METHOD: method = "post" } = process.env;
const schema = (name) => `iglu:com.example.shop/${name}/jsonschema/1-0-0`;
const own = (name, data) => buildSelfDescribingEvent({ event: { schema: schema(name), data } });
const session = (n) => [{
  schema: "iglu:com.snowplowanalytics.snowplow/mobile_context/jsonschema/1-0-3",
  data: { osType: "iOS", osVersion: "18.1", deviceManufacturer: "Apple Inc.", deviceModel: "iPhone17,1", carrier: "Telia", networkType: "wifi" },
}, {
  schema: "iglu:com.snowplowanalytics.mobile/application/jsonschema/1-0-0", data: { version: "1.2.3", build: "45" },
}, { schema: schema("cart"), data: { items: n } }];

let waiting = 0;
const tracker = newTracker({ namespace: "shop", appId: key, encodeBase64: process.env.BASE64 !== "no" }, {
  endpoint: url, eventMethod: method, bufferSize: method === "get" ? 1 : 50, maxPostBytes: 40000,
  onRequestSuccess: (batch) => { waiting -= batch.length; },
  onRequestFailure: (failure) => { if (!failure.willRetry) { console.error("the tracker gave up:", failure.message); process.exitCode = 1; } },
});
const track = (event, context, time) => { waiting++; return tracker.track(event, context, time); };

if (process.argv[2] === "scene") scene();
else await load(Number(count));
// What failed stays in the tracker's store and goes out with the next flush.
for (let tries = 0; waiting > 0 && tries < 400; tries++) {
  await tracker.flush();
  await new Promise((resolve) => setTimeout(resolve, 50));
}
if (waiting > 0) {
  console.error(`${waiting} events were not delivered`);
  process.exitCode = 1;
}

function scene() {
  const user = "u-snowplow";
  tracker.setDomainUserId("d1");
  track(own("App Opened", {}));
  tracker.setUserId(user);
  track(own("Signed Up", {}));
  track(buildSelfDescribingEvent({ event: { schema: "iglu:com.snowplowanalytics.snowplow/identify/jsonschema/1-0-0", data: { plan: "pro" } } }));
  tracker.setUserId(null);
  tracker.setDomainUserId("d2");
  track(own("Product Viewed", {}));
  tracker.setUserId(user);
  track(own("Purchased", { amount: 42.5 }));
}

async function load(count) {
  tracker.setPlatform("mob");
  tracker.setScreenResolution(1170, 2532);
  tracker.setLang("en-GB");
  tracker.setTimezone("Europe/Stockholm");
  for (let n = 0; n < count; n++) {
    const person = n % 300;
    tracker.setDomainUserId(`device-${person}`);
    tracker.setUserId(n % 3 === 0 ? `user-${person}` : null);
    tracker.setSessionId(`session-${person}`);
    const time = Date.now() - n * 1000;
    switch (n % 4) {
      case 0: track(buildStructEvent({ category: "shop", action: `event ${n % 7}`, label: "a", property: "b", value: n }), session(n), time); break;
      case 1: track(buildPageView({ pageUrl: "https://shop.example/home?q=1", pageTitle: "Home", referrer: "https://search.example/" }), session(n), time); break;
      case 2: track(buildScreenView({ name: "Cart", id: "c4f1" }), session(n), { type: "ttm", value: time }); break;
      default: track(own("price_seen", { n, price: n / 4, tags: ["a", "b"], nested: { n } }), session(n), time);
    }
    if (n % 100 === 99) await new Promise((resolve) => setImmediate(resolve));
  }
}
