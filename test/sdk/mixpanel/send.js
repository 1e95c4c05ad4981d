// Sends events through the unmodified Node SDK of Mixpanel, as an app's backend would: node send.js [scene]
// FRESHET_URL and FRESHET_KEY say where to; EVENTS is their number. VERBOSE=1 asks for the longer answers.
// The SDK tells of a failure and never tries again, so the trying again is what an app would do: with the same
// $insert_id, and with $time on updates of people.
import { randomUUID } from "node:crypto";
import Mixpanel from "mixpanel";

const { FRESHET_URL: url, FRESHET_KEY: key, EVENTS: count = "100", VERBOSE: verbose } = process.env;
const { host, protocol } = new URL(url);
// The key of the second is for imports; what counts is the token in the events.
const options = { host, protocol: protocol.slice(0, -1), verbose: Boolean(verbose), key: "unused" };
const mixpanel = Mixpanel.init(key, options);

// sure makes a call until the SDK calls back without an error.
async function sure(call) {
  for (let tries = 1; ; tries++) {
    const error = await new Promise((resolve) => call((answer) => resolve([answer].flat().find(Boolean))));
    if (!error) return;
    if (tries === 50) throw error;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

if (process.argv[2] === "scene") await scene();
else await load(Number(count));

// A login is no call of its own: what comes after it has the user's id beside the device's.
async function scene() {
  const user = "u-mixpanel";
  const as = (device) => ({ distinct_id: user, $user_id: user, $device_id: device });
  const before = (device) => ({ distinct_id: `$device:${device}`, $device_id: device });
  await sure((done) => mixpanel.track("App Opened", before("d1"), done));
  await sure((done) => mixpanel.track("Signed Up", as("d1"), done));
  await sure((done) => mixpanel.people.set(user, { plan: "pro" }, done));
  await sure((done) => mixpanel.track("Product Viewed", before("d2"), done));
  await sure((done) => mixpanel.track("Purchased", { ...as("d2"), amount: 42.5 }, done));
}

async function load(count) {
  let sending = [], batch = [];
  for (let n = 0; n < count; n++) {
    const distinct_id = n % 3 === 0 ? `user-${n % 10}` : `$device:device-${n % 10}`;
    const time = new Date(Date.now() - n * 1000);
    const properties = { distinct_id, time, n, price: n / 4, tags: ["a", "b"], nested: { n, word: "smörgås ???>>>~~~" }, $insert_id: randomUUID() };
    switch (n % 4) {
      case 0: sending.push(sure((done) => mixpanel.track("Product Viewed", properties, done))); break;
      case 1: sending.push(sure((done) => mixpanel.track("$mp_web_page_view", properties, done))); break;
      case 2: batch.push({ event: "Product Viewed", properties: { ...properties, $insert_id: `order-${n}` } }); break;
      default: sending.push(sure((done) => mixpanel.people.set(distinct_id, { n }, { $time: time.getTime() }, done)));
    }
    if (batch.length === 50 || n === count - 1) {
      const events = batch;
      const send = n % 400 < 200 ? mixpanel.track_batch : mixpanel.import_batch;
      sending.push(sure((done) => send(events, done)));
      batch = [];
    }
    if (sending.length >= 50) {
      await Promise.all(sending);
      sending = [];
    }
  }
  await Promise.all(sending);
}
