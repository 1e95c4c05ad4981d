// Sends events through the unmodified Node SDK of PostHog, as an app's backend would: node send.js [scene]
// FRESHET_URL and FRESHET_KEY say where to; EVENTS is their number. Prints the ids of the numbered events.
// POSTHOG_CAPTURE_MODE=v1 makes the SDK use the second version of capture.
import { PostHog } from "posthog-node";

const { FRESHET_URL: host, FRESHET_KEY: key, EVENTS: count = "100" } = process.env;
const client = new PostHog(key, {
  host, flushAt: 50, maxBatchSize: 50, flushInterval: 500, maxQueueSize: 100000, fetchRetryCount: 20, fetchRetryDelay: 50,
});
client.on("error", (error) => console.error("the SDK says:", String(error)));
const ids = {};
client.on("capture", (message) => {
  if (message.properties?.n !== undefined) ids[message.properties.n] = message.uuid;
});
const anonymous = { $process_person_profile: false };

// The SDK's timers do not keep a process alive; a backend lives on.
const alive = setInterval(() => {}, 1000);
if (process.argv[2] === "scene") scene();
else await load(Number(count));
await client.shutdown(120000);
clearInterval(alive);
console.log(JSON.stringify(Object.values(ids)));

function scene() {
  const user = "u-posthog";
  client.capture({ distinctId: "d1", event: "App Opened", properties: anonymous });
  client.capture({ distinctId: user, event: "Signed Up" });
  client.identify({ distinctId: user, properties: { plan: "pro" } });
  client.alias({ distinctId: user, alias: "d1" });
  client.capture({ distinctId: "d2", event: "Product Viewed", properties: anonymous });
  client.alias({ distinctId: user, alias: "d2" });
  client.capture({ distinctId: user, event: "Purchased", properties: { amount: 42.5 } });
}

async function load(count) {
  for (let n = 0; n < count; n++) {
    const person = n % 300;
    const common = {
      distinctId: n % 3 === 0 ? `user-${person}` : `device-${person}`, timestamp: new Date(Date.now() - n * 1000),
      properties: { n, price: n / 4, tags: ["a", "b"], ...(n % 3 === 0 ? {} : anonymous) }, groups: { company: "acme" },
    };
    if (n % 4 === 1) Object.assign(common.properties, { $current_url: "https://shop.example/home?utm_source=ad" });
    if (n % 4 === 2) common.properties.$screen_name = "Cart";
    client.capture({ ...common, event: [`event ${n % 7}`, "$pageview", "$screen", "Product Viewed"][n % 4] });
    if (n % 100 === 0) {
      client.identify({ distinctId: `user-${person}`, properties: { plan: "pro", $set_once: { first: n } } });
      client.groupIdentify({ groupType: "company", groupKey: "acme", properties: { size: n } });
      client.alias({ distinctId: `user-${person}`, alias: `old-${n}` });
    }
    // Requests go out meanwhile, as they do in a backend that is busy with other things.
    if (n % 200 === 199) await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
