// The shop of send.js, with Mixpanel's SDK.
const { mixpanel } = window;

// waiting tells whether the SDK keeps anything to send, in the storage that it shares with its next visit.
function waiting() {
  const queues = Object.keys(localStorage).filter((key) => /^__mpq_.*_(ev|pp|gr)$/.test(key));
  return queues.some((key) => JSON.parse(localStorage[key]).length > 0);
}

window.shop = {
  page: "$mp_web_page_view",
  start(host, key) {
    mixpanel.init(key, { api_host: host, batch_flush_interval_ms: 200, batch_size: 10, ignore_dnt: true });
  },
  track(name, properties, time) {
    mixpanel.track(name, { ...properties, ...(time && { time: time / 1000 }) });
  },
  login(user) { mixpanel.identify(user); },
  set(properties) { mixpanel.people.set(properties); },
  async settle() {
    const begun = Date.now();
    for (let calm = 0; calm < 8; calm = waiting() ? 0 : calm + 1) {
      if (Date.now() - begun > 60000) throw new Error("the SDK does not get rid of its events");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return mixpanel.get_property("$device_id");
  },
};
