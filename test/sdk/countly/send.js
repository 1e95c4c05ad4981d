// Sends events through the unmodified Node SDK of Countly: node send.js [scene]
// FRESHET_URL and FRESHET_KEY say where to; EVENTS is their number. FORM=1 posts forms, else requests are GETs while short.
import { createRequire } from "node:module";
const Countly = createRequire(import.meta.url)("countly-sdk-nodejs");

const { FRESHET_URL: url, FRESHET_KEY: key, EVENTS: count = "100", FORM: form } = process.env;
// What the SDK would keep in files is kept here, so that its queues can be looked at.
let kept = {};
const storage = {
  storeSet: (name, value, done) => { kept[name] = value; done?.(null); },
  storeGet: (name, def) => (name in kept ? kept[name] : def),
  storeRemove: (name) => { delete kept[name]; },
};
function init() {
  Countly.halt(false);
  kept = {};
  Countly.device_id = undefined;
  Countly.init({ app_key: key, url, interval: 10, fail_timeout: 0.1, max_events: 50, queue_size: 100000, force_post: Boolean(form),
    app_version: "1.2.3", metrics: { _os: "iOS", _os_version: "18.1", _device: "iPhone17,1", _resolution: "1170x2532", _carrier: "Telia", _locale: "en-GB" },
    custom_storage_method: storage });
}
const idle = () => (kept.cly_queue ?? []).length + (kept.cly_event ?? []).length === 0;
async function drain() {
  let quiet = 0;
  for (let tries = 0; quiet < 5 && tries < 6000; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    quiet = idle() ? quiet + 1 : 0;
  }
  if (!idle()) {
    console.error("not everything was delivered");
    process.exitCode = 1;
  }
}

if (process.argv[2] === "scene") await scene();
else await load(Number(count));
process.exit();

async function scene() {
  const user = "u-countly";
  init();
  Countly.add_event({ key: "App Opened" });
  await drain();
  Countly.change_id(user, true);
  Countly.add_event({ key: "Signed Up" });
  Countly.user_details({ custom: { plan: "pro" } });
  await drain();
  init();
  Countly.add_event({ key: "Product Viewed" });
  await drain();
  Countly.change_id(user, true);
  Countly.add_event({ key: "Purchased", segmentation: { amount: 42.5 } });
  await drain();
}

async function load(count) {
  init();
  Countly.begin_session(true);
  Countly.user_details({ name: "Ada", email: "ada@example.com", custom: { plan: "pro" } });
  Countly.userData.set_once("first", 1);
  Countly.userData.increment_by("visits", 2);
  Countly.userData.push("seen", "a");
  Countly.userData.unset("gone");
  Countly.userData.save();
  for (let n = 0; n < count; n++) {
    if (n % 4 === 3) Countly.track_view("Cart", { n });
    else Countly.add_event({ key: `event ${n % 7}`, count: 1, sum: n / 4, segmentation: { n, color: "red" } });
    if (n % 100 === 99) await new Promise((resolve) => setImmediate(resolve));
  }
  Countly.end_session(60);
  await drain();
}
