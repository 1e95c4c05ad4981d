// Sends events through the unmodified Node SDK of Amplitude, as an app's backend would: node send.js [scene]
// FRESHET_URL and FRESHET_KEY say where to; EVENTS is their number. Prints the ids of the numbered events.
// AMPLITUDE_PATH is /2/httpapi or /batch.
import { Identify, identify, init, track } from "@amplitude/analytics-node";

const { FRESHET_URL: host, FRESHET_KEY: key, EVENTS: count = "100", AMPLITUDE_PATH: path = "/2/httpapi" } = process.env;
init(key, { serverUrl: host + path, flushQueueSize: 50, flushIntervalMillis: 200, flushMaxRetries: 60, logLevel: 0 });
const sent = [];

if (process.argv[2] === "scene") await scene();
else await load(Number(count));

// A login is no call of its own: what comes after it has the user's id beside the device's.
async function scene() {
  const user_id = "u-amplitude";
  sent.push(track("App Opened", {}, { device_id: "d1" }));
  sent.push(track("Signed Up", {}, { device_id: "d1", user_id }));
  sent.push(identify(new Identify().set("plan", "pro"), { device_id: "d1", user_id }));
  sent.push(track("Product Viewed", {}, { device_id: "d2" }));
  sent.push(track("Purchased", { amount: 42.5 }, { device_id: "d2", user_id }));
  await settle();
}

async function load(count) {
  for (let n = 0; n < count; n++) {
    const who = { device_id: `device-${n % 10}`, user_id: n % 3 === 0 ? `user-${n % 10}` : undefined };
    const when = { ...who, time: Date.now() - n * 1000, session_id: Date.now() - 1000000, app_version: "1.2.3", os_name: "ios" };
    const properties = { n, price: n / 4, tags: ["a", "b"], nested: { n, word: "smörgås" } };
    switch (n % 4) {
      case 0: sent.push(track("Product Viewed", properties, { ...when, user_properties: { seen: n } })); break;
      case 1: sent.push(track("[Amplitude] Page Viewed", { ...properties, "[Amplitude] Page Location": "https://shop.example/home?utm_source=ad" }, when)); break;
      case 2: sent.push(track("[Amplitude] Screen Viewed", { ...properties, "[Amplitude] Screen Name": "Cart" }, when)); break;
      default: sent.push(identify(new Identify().set("n", n).setOnce("first", n).add("logins", 1), when));
    }
    // Requests go out meanwhile, as they do in a backend that is busy with other things.
    if (n % 200 === 199) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const results = await settle();
  console.log(JSON.stringify(results.map(({ event }) => event.insert_id)));
}

// settle waits until the SDK is done with every event. Code 0 is a connection that was cut off: the SDK asks no more
// what became of what it sent.
async function settle() {
  const alive = setInterval(() => {}, 1000);
  const results = await Promise.all(sent.map(({ promise }) => promise));
  clearInterval(alive);
  for (const { code, message } of results) {
    if (code !== 200 && code !== 0) {
      console.error("the SDK gave up:", code, message);
      process.exitCode = 1;
    }
  }
  return results;
}
