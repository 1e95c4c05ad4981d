// The shop of send.js, with Amplitude's SDK.
const { amplitude } = window;
const sent = [];

window.shop = {
  page: "[Amplitude] Page Viewed",
  start(host, key) {
    amplitude.init(key, {
      serverUrl: `${host}/2/httpapi`, flushQueueSize: 10, flushIntervalMillis: 200, flushMaxRetries: 60, autocapture: false,
      fetchRemoteConfig: false, enableRequestBodyCompression: true,
    });
  },
  track(name, properties, time) {
    sent.push(amplitude.track(name, properties, time ? { time } : undefined).promise);
  },
  login(user) { amplitude.setUserId(user); },
  set(properties) {
    const changes = new amplitude.Identify();
    for (const [name, value] of Object.entries(properties)) changes.set(name, value);
    sent.push(amplitude.identify(changes).promise);
  },
  async settle() {
    for (const { code, message } of await Promise.all(sent)) {
      if (code !== 200) throw new Error(`the SDK gave up: ${code} ${message}`);
    }
    return amplitude.getDeviceId();
  },
};
