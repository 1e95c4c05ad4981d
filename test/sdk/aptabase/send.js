// Sends events through the unmodified web SDK of Aptabase, which runs in Node as well: node send.js [scene]
// FRESHET_URL and FRESHET_KEY say where to; EVENTS is their number.
import { init, trackEvent } from "@aptabase/web";

const { FRESHET_URL: host, FRESHET_KEY: key, EVENTS: count = "100" } = process.env;
// The SDK warns of each request that failed, and then of the error if there was no answer. It never tries again.
let failed = 0;
console.warn = (warning) => { if (typeof warning === "string") failed++; };
init(`A-SH-${key}`, { host, appVersion: "1.2.3" });

if (process.argv[2] === "scene") await scene(process.argv[3]);
else await load(Number(count));

// A session is all that Aptabase knows of a device, and a process has one: each device of the scene is a process.
async function scene(device) {
  const user = { $user_id: "u-aptabase" };
  if (device !== "d2") {
    await trackEvent("App Opened");
    await trackEvent("Signed Up", user);
    await trackEvent("$identify", { ...user, plan: "pro" });
  }
  if (device !== "d1") {
    if (!device) return again();
    await trackEvent("Product Viewed");
    await trackEvent("$identify", user);
    await trackEvent("Purchased", { ...user, amount: 42.5 });
  }
}

async function again() {
  const { spawnSync } = await import("node:child_process");
  const { status } = spawnSync(process.execPath, [process.argv[1], "scene", "d2"], { stdio: "inherit" });
  process.exitCode = status;
}

async function load(count) {
  for (let n = 0; n < count; n++) await trackEvent(`event ${n % 7}`, { n, price: n / 4, color: "red" });
  console.log(JSON.stringify({ arrived: count - failed }));
}
