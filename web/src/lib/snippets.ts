// How an app sends to this server, SDK by SDK, as docs/sdks says it. `$URL`, `$HOST` and `$KEY` are filled in.

export type Snippet = { name: string; page: string; lines: [platform: string, line: string][] };

const templates: Snippet[] = [
  {
    name: 'HTTP', page: '',
    lines: [['curl', `curl -H "Authorization: Bearer $KEY" $URL/v1/events \\\n  -d '{"event":"hello","user_id":"me","properties":{"answer":42}}'`]],
  },
  {
    name: 'Segment', page: 'segment',
    lines: [
      ['iOS', 'Configuration(writeKey: "$KEY").apiHost("$HOST/v1").cdnHost("$HOST/v1")'],
      ['Android', 'Analytics("$KEY", context) { apiHost = "$HOST/v1"; cdnHost = "$HOST/v1" }'],
      ['React Native', 'createClient({ writeKey: "$KEY", proxy: "$URL/v1/b", cdnProxy: "$URL/v1/projects/$KEY/settings" })'],
      ['Flutter', 'Configuration("$KEY", apiHost: "$HOST/v1", cdnHost: "$HOST/v1")'],
      ['Web', 'AnalyticsBrowser.load({ writeKey: "$KEY", cdnURL: "$URL" })'],
      ['Node', 'new Analytics({ writeKey: "$KEY", host: "$URL" })'],
      ['Go', 'analytics.NewWithConfig("$KEY", analytics.Config{Endpoint: "$URL"})'],
      ['Python', 'analytics.write_key, analytics.host = "$KEY", "$URL"'],
    ],
  },
  {
    name: 'PostHog', page: 'posthog',
    lines: [
      ['iOS', 'PostHogConfig(apiKey: "$KEY", host: "$URL")'],
      ['Android', 'PostHogAndroidConfig(apiKey = "$KEY", host = "$URL")'],
      ['React Native', 'new PostHog("$KEY", { host: "$URL" })'],
      ['Flutter', 'PostHogConfig("$KEY")..host = "$URL"'],
      ['Web', 'posthog.init("$KEY", { api_host: "$URL" })'],
      ['Node', 'new PostHog("$KEY", { host: "$URL" })'],
      ['Go', 'posthog.NewWithConfig("$KEY", posthog.Config{Endpoint: "$URL"})'],
      ['Python', 'Posthog("$KEY", host="$URL")'],
    ],
  },
  {
    name: 'Mixpanel', page: 'mixpanel',
    lines: [
      ['iOS', 'Mixpanel.initialize(token: "$KEY", trackAutomaticEvents: false, serverURL: "$URL")'],
      ['Android', 'MixpanelAPI.getInstance(context, "$KEY", false).setServerURL("$URL")'],
      ['React Native', 'new Mixpanel("$KEY", false).init(false, {}, "$URL")'],
      ['Flutter', 'Mixpanel.init("$KEY", trackAutomaticEvents: false); mixpanel.setServerURL("$URL")'],
      ['Web', 'mixpanel.init("$KEY", { api_host: "$URL" })'],
      ['Node', 'Mixpanel.init("$KEY", { host: "$HOST" })'],
      ['Go', 'mixpanel.NewApiClient("$KEY", mixpanel.ProxyApiLocation("$URL"))'],
      ['Python', 'Mixpanel("$KEY", consumer=Consumer(api_host="$HOST"))'],
    ],
  },
  {
    name: 'Amplitude', page: 'amplitude',
    lines: [
      ['iOS', 'Amplitude(configuration: Configuration(apiKey: "$KEY", serverUrl: "$URL/2/httpapi"))'],
      ['Android', 'Amplitude(Configuration(apiKey = "$KEY", context = applicationContext, serverUrl = "$URL/2/httpapi"))'],
      ['React Native', 'init("$KEY", undefined, { serverUrl: "$URL/2/httpapi" })'],
      ['Flutter', 'Amplitude(Configuration(apiKey: "$KEY", serverUrl: "$URL/2/httpapi"))'],
      ['Web', 'amplitude.init("$KEY", { serverUrl: "$URL/2/httpapi", fetchRemoteConfig: false })'],
      ['Node', 'init("$KEY", { serverUrl: "$URL/2/httpapi" })'],
      ['Python', 'client = Amplitude("$KEY"); client.configuration.server_url = "$URL/2/httpapi"'],
    ],
  },
  {
    name: 'RudderStack', page: 'rudderstack',
    lines: [
      ['iOS', 'RSConfig(writeKey: "$KEY").dataPlaneURL("$URL").controlPlaneURL("$URL")'],
      ['Android', 'Configuration(writeKey = "$KEY", dataPlaneUrl = "$URL", controlPlaneUrl = "$URL")'],
      ['Web', 'rudderanalytics.load("$KEY", "$URL", { configUrl: "$URL" })'],
      ['Node', 'new Analytics("$KEY", { dataPlaneUrl: "$URL" })'],
    ],
  },
  {
    name: 'Snowplow', page: 'snowplow',
    lines: [
      ['Web', 'newTracker("app", "$URL", { appId: "$KEY" })'],
      ['Node', 'newTracker({ namespace: "app", appId: "$KEY" }, { endpoint: "$URL" })'],
      ['Python', 'create_tracker(namespace="app", endpoint="$URL", app_id="$KEY")'],
    ],
  },
  {
    name: 'Countly', page: 'countly',
    lines: [
      ['iOS', 'config.appKey = "$KEY"; config.host = "$URL"'],
      ['Android', 'CountlyConfig(application, "$KEY", "$URL")'],
      ['Web', 'Countly.init({ app_key: "$KEY", url: "$URL" })'],
      ['Node', 'Countly.init({ app_key: "$KEY", url: "$URL" })'],
    ],
  },
  {
    name: 'Aptabase', page: 'aptabase',
    lines: [
      ['iOS', 'Aptabase.shared.initialize(appKey: "A-SH-$KEY", with: InitOptions(host: "$URL"))'],
      ['Flutter', 'Aptabase.init("A-SH-$KEY", InitOptions(host: "$URL"))'],
      ['Web', 'init("A-SH-$KEY", { host: "$URL" })'],
    ],
  },
  {
    name: 'Umami', page: 'umami',
    lines: [
      ['Web', '<script defer src="/umami.js" data-website-id="$KEY" data-host-url="$URL"></script>'],
      ['Node', 'umami.init({ websiteId: "$KEY", hostUrl: "$URL" })'],
    ],
  },
];

/** The lines for a server and a key. The key is only ever put into text that is shown. */
export function snippets(url: string, key: string): Snippet[] {
  const host = url.replace(/^https?:\/\//, '');
  const fill = (line: string) => line.replaceAll('$URL', () => url).replaceAll('$HOST', () => host).replaceAll('$KEY', () => key);
  return templates.map((t) => ({ ...t, lines: t.lines.map(([platform, line]) => [platform, fill(line)]) }));
}
