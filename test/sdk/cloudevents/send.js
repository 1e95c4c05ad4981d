// Sends events through the unmodified SDK of CloudEvents: node send.js [scene]
// FRESHET_URL and FRESHET_KEY say where to; EVENTS is their number. Prints the ids that the events have in the store.
// The SDK writes requests and leaves sending to the app, so the trying again is what an app would do.
import { CloudEvent, Mode, emitterFor } from "cloudevents";

const { FRESHET_URL: url, FRESHET_KEY: key, EVENTS: count = "100" } = process.env;
const source = "https://shop.example/app";

async function send({ headers, body }, { path = "/" } = {}) {
  for (let tries = 0; tries < 50; tries++) {
    try {
      const answer = await fetch(url + path, { method: "POST", headers: { ...headers, authorization: `Bearer ${key}` }, body, signal: AbortSignal.timeout(10000) });
      await answer.text();
      if (answer.ok) return;
      if (answer.status < 500 && answer.status !== 429) throw Object.assign(new Error(`refused with ${answer.status}`), { final: true });
    } catch (error) {
      if (error.final) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("gave up");
}
const emit = { binary: emitterFor(send, { mode: Mode.BINARY }), structured: emitterFor(send, { mode: Mode.STRUCTURED }) };
const batch = (events) => send({ headers: { "content-type": "application/cloudevents-batch+json; charset=utf-8" }, body: JSON.stringify(events) }, { path: "/cloudevents" });

if (process.argv[2] === "scene") await scene();
else await load(Number(count));

async function scene() {
  const userid = "u-cloudevents";
  const event = (type, more, data = {}) => new CloudEvent({ source, type, ...more, data });
  await emit.binary(event("App Opened", { anonymousid: "d1" }));
  await emit.structured(event("Signed Up", { anonymousid: "d1", userid }));
  await emit.binary(event("$identify", { anonymousid: "d1", userid }, { plan: "pro" }));
  await batch([event("Product Viewed", { anonymousid: "d2" }), event("$identify", { anonymousid: "d2", userid })]);
  await emit.structured(event("Purchased", { anonymousid: "d2", subject: userid }, { amount: 42.5 }));
}

async function load(count) {
  const ids = [];
  let waiting = [], sending = [];
  for (let n = 0; n < count; n++) {
    const event = new CloudEvent({
      source, id: `e${n}`, type: ["Product Viewed", "$page", "$screen", "$identify"][n % 4], time: new Date(Date.now() - n * 1000).toISOString(),
      subject: n % 3 === 0 ? `user-${n % 10}` : undefined, anonymousid: `device-${n % 10}`, sessionid: `session-${n % 300}`, region: "eu-1",
      data: { n, price: n / 4 + 0.25, tags: ["a", "b"], nested: { n, word: "smörgås" } },
    });
    ids.push(`${source} e${n}`);
    switch (n % 20) {
      case 0: sending.push(emit.binary(event)); break;
      case 1: sending.push(emit.structured(event)); break;
      default: waiting.push(event);
    }
    if (waiting.length === 50 || n === count - 1) {
      sending.push(batch(waiting));
      waiting = [];
      if (sending.length > 8) {
        await Promise.all(sending);
        sending = [];
      }
    }
  }
  await Promise.all(sending);
  console.log(JSON.stringify(ids));
}
