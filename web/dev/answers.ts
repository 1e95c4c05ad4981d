// What the made-up server says.

const names = ['app_opened', 'product_viewed', 'cart_filled', 'purchase', 'search', 'push_received'];
const countries = ['DE', 'FR', 'US', 'BR', 'JP', '$none', '$other'];
let position = 1_204_000;

const any = <T>(list: T[]): T => list[Math.floor(Math.random() * list.length)]!;
const watermark = () => ({ position, time: new Date().toISOString() });

export const projects = [
  { id: 1, name: 'Shop', timezone: 'Europe/Berlin', week_start: 'monday' },
  { id: 2, name: 'Courier app', timezone: 'America/Sao_Paulo', week_start: 'sunday' },
].map((p) => ({ ...p, retention_days: 0, session_gap_minutes: 30, events_per_second: 0, created_at: new Date(0).toISOString() }));

export const keys = [
  { id: 1, project: 1, kind: 'write', name: 'first write key', hint: 'fw_…x7Qk', created_at: new Date(0).toISOString() },
  { id: 2, project: 1, kind: 'admin', name: 'first admin key', hint: 'fa_…Lm2p', created_at: new Date(0).toISOString() },
];

export const schema = {
  events: [...names, 'broken'].map((name, i) => ({ name, count: Math.round(4_000_000 / (i + 1) ** 2) })),
  properties: [
    { key: 'amount', types: ['number'] },
    { key: 'plan', types: ['text'] },
    { key: 'is_gift', types: ['boolean'] },
    { key: 'constructor', types: ['text', 'number'] },
  ].map((p) => ({ ...p, count: 120_000, column: true })),
  traits: [{ key: 'plan', types: ['text'], people: 1200, values: [{ value: 'pro', people: 800 }, { value: 'free', people: 400 }] }],
  columns: [
    { name: '$country', type: 'text', description: 'Country by the address of the client, as two letters' },
    { name: '$os', type: 'text', description: 'Operating system of the device' },
    { name: '$app_version', type: 'text', description: 'Version of the app' },
  ],
  watermark: { position: 1, time: new Date().toISOString() },
};

export function liveEvents(count: number) {
  const events = Array.from({ length: count }, () => {
    position++;
    const now = new Date().toISOString();
    return {
      id: crypto.randomUUID(),
      kind: 'track',
      event: any(names),
      timestamp: now,
      received_at: now,
      person: String(Math.floor(Math.random() * 1e15)),
      user_id: `user-${Math.floor(Math.random() * 5000)}`,
      position,
      country: any(countries.slice(0, 5)),
      properties: { amount: Math.round(Math.random() * 10000) / 100, plan: any(['free', 'pro']), title: '<b>not bold</b>' },
      context: { os: { name: any(['iOS', 'Android']) }, app: { version: '4.2.1' } },
    };
  });
  return { events, skipped: 0, watermark: watermark() };
}

export function status() {
  const lag = { events: any([0, 0, 3, 12]), seconds: Math.random() * 0.4 };
  return { version: 'dev', uptime_seconds: 1, watermark: watermark(), lag, freshness_ms: { p50: 90, p99: 310 } };
}

export function ledger() {
  const hour = Math.floor(Date.now() / 3.6e6) * 3.6e6;
  const hours = Array.from({ length: 24 }, (_, i) => {
    const stored = 9000 + Math.round(7000 * Math.sin(i / 4) + i);
    const entry = { stored, duplicate: i % 5, dead_lettered: i === 20 ? 2 : 0, expired: 0 };
    const accepted = entry.stored + entry.duplicate + entry.dead_lettered;
    return { hour: new Date(hour - (23 - i) * 3.6e6).toISOString(), accepted, ...entry };
  });
  const sum = (key: 'accepted' | 'stored' | 'duplicate' | 'dead_lettered') => hours.reduce((n, h) => n + h[key], 0);
  const total = { accepted: sum('accepted'), stored: sum('stored'), duplicate: sum('duplicate'), dead_lettered: sum('dead_lettered'), expired: 0 };
  return { hours, total, in_flight: 0, difference: 0, balanced: true, watermark: watermark() };
}

export function deadLetters() {
  const received_at = new Date(Date.now() - 1.1e7).toISOString();
  const common = { received_at, stage: 'decode', protocol: 'segment' };
  return {
    dead_letters: [
      { ...common, position: 1_180_233, code: 'malformed_json', reason: 'the object ends in the middle, at byte 41', body: '{"event":"purchase","properties":{"amount"' },
      { ...common, position: 1_180_101, code: 'poison', reason: 'the decoder gave up on this event three times', body: '/wAB', encoding: 'base64' },
    ],
  };
}

export function replay(wish: { positions?: number[]; dry_run: boolean }) {
  const positions = wish.positions ?? [1_180_233, 1_180_101];
  const letters = positions.map((at) =>
    at === 1_180_101
      ? { position: at, outcome: wish.dry_run ? 'readable' : 'replayed' }
      : { position: at, outcome: 'unreadable', code: 'malformed_json', reason: 'the object ends in the middle, at byte 41' },
  );
  return { dry_run: wish.dry_run, readable: letters.filter((l) => l.outcome !== 'unreadable').length, letters };
}

type Question = { range: { from: string }; interval: string; series: { aggregate: string; events?: string[] }[]; breakdown?: unknown; compare?: string };

export function trends(question: Question) {
  const step = { minute: 6e4, hour: 3.6e6, day: 8.64e7, week: 6.048e8, month: 2.592e9 }[question.interval] ?? 8.64e7;
  const count = { minute: 61, hour: 25, day: 31, week: 14, month: 13 }[question.interval] ?? 31;
  const last = Math.floor(Date.now() / step) * step;
  const buckets = Array.from({ length: count }, (_, i) => ({
    start: new Date(last - (count - 1 - i) * step).toISOString(),
    ...(i === count - 1 ? { partial: true } : {}),
  }));
  const lines = question.breakdown ? countries : [''];
  const series = lines.map((name, n) => {
    const wave = (i: number, shift: number) => Math.round((900 / (n + 1)) * (1.4 + Math.sin((i + shift) / 3) + Math.cos(i * 1.7) / 4));
    const values = buckets.map((b, i) => ('partial' in b ? Math.round(wave(i, 0) / 3) : wave(i, 0)));
    const before = buckets.map((_, i) => wave(i, 2));
    const total = values.reduce((a, b) => a + b, 0);
    const compare = question.compare ? { compare: { values: before, total: before.reduce((a, b) => a + b, 0) } } : {};
    return { id: 'A', label: question.series[0]?.events?.[0] ?? 'All events', ...(name ? { breakdown: [name] } : {}), values, total, ...compare };
  });
  const range = { from: buckets[0]!.start, to: new Date().toISOString(), timezone: 'Europe/Berlin' };
  return {
    kind: 'trends', range, interval: question.interval, buckets, series, question,
    ...(question.compare ? { compare_range: range } : {}), watermark: watermark(), cached: Math.random() < 0.5, took_ms: Math.random() * 20,
  };
}
