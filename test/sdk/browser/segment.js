// The shop of send.js, with Segment's SDK. It learns its key from the settings, and would learn where to send as well, were
// that not the bad network of the test.
const { AnalyticsBrowser } = window.AnalyticsNext;
const sent = [];
let analytics, wanted = 0, delivered = 0;

// The SDK's promises are kept before a request is answered, so the answers are counted.
const { fetch } = window;
window.fetch = async (resource, options) => {
  const response = await fetch(resource, options);
  if (options?.method === "post" && response.ok) delivered++;
  return response;
};

window.shop = {
  page: "$page",
  start(host, key) {
    const { protocol, host: apiHost } = new URL(host);
    analytics = AnalyticsBrowser.load({ writeKey: key, cdnURL: host }, {
      integrations: { "Segment.io": { apiHost: `${apiHost}/v1`, protocol: protocol.slice(0, -1) } },
    });
    return analytics.ready();
  },
  track(name, properties, time) {
    wanted++;
    const options = time ? { timestamp: new Date(time) } : undefined;
    sent.push(name === this.page ? analytics.page("Home", properties, options) : analytics.track(name, properties, options));
  },
  login(user) {
    this.user = user;
    wanted++;
    sent.push(analytics.identify(user));
  },
  set(properties) {
    wanted++;
    sent.push(analytics.identify(this.user, properties));
  },
  async settle() {
    await Promise.all(sent);
    const begun = Date.now();
    while (delivered < wanted) {
      if (Date.now() - begun > 60000) throw new Error(`${delivered} of ${wanted} calls were delivered`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return (await analytics.user()).anonymousId();
  },
};
