// The shapes of what the API says. Numbers that may pass 2^53 (persons) are strings there already.

export type Watermark = { position: number; time: string };

export type Project = { id: number; name: string; timezone: string; week_start: string };

export type Me = { kind: string; project?: Project };

export type Scalar = string | number | boolean;

export type Condition = { property: string; op: string; value?: Scalar | Scalar[] };
export type Filter = { and: Filter[] } | { or: Filter[] } | Condition;

export type Question = {
  kind: 'trends';
  range: { from: string; to?: string };
  interval?: string;
  series: { id: string; events?: string[]; aggregate: string; property?: string }[];
  where?: Filter;
  breakdown?: { property: string }[];
  breakdown_limit?: number;
  compare?: string;
};

export type Values = (number | null)[];

export type Series = {
  id: string;
  label: string;
  breakdown?: Scalar[];
  values: Values;
  total: number | null;
  compare?: { values: Values; total: number | null };
};

export type Bucket = { start: string; partial?: boolean };

export type Answer = {
  range: { from: string; to: string; timezone: string };
  interval: string;
  buckets: Bucket[];
  series: Series[];
  compare_range?: { from: string; to: string };
  watermark: Watermark;
  cached: boolean;
  took_ms: number;
};

export type EventRow = {
  id: string;
  kind: string;
  event?: string;
  timestamp: string;
  received_at?: string;
  person?: string;
  user_id?: string;
  anonymous_id?: string;
  position?: number;
  country?: string;
  city?: string;
  flags?: string[];
  properties?: Record<string, unknown>;
  traits?: Record<string, unknown>;
  context?: Record<string, unknown>;
};

export type LiveMessage = { events: EventRow[] | null; skipped?: number; watermark?: Watermark };

export type Status = {
  version?: string;
  watermark: Watermark;
  lag?: { events: number; seconds: number };
  freshness_ms?: { p50: number; p99: number };
};

export type Schema = {
  events: { name: string; count: number }[] | null;
  properties: { key: string; types: string[] | null; count?: number }[] | null;
  columns: { name: string; type: string; description?: string }[] | null;
};

export type LedgerSums = {
  accepted: number;
  stored: number;
  duplicate: number;
  dead_lettered: number;
  expired?: number;
};

export type Ledger = {
  hours: (LedgerSums & { hour: string })[] | null;
  total: LedgerSums;
  in_flight: number;
  difference: number;
  balanced: boolean;
};

export type DeadLetter = {
  position: number;
  received_at: string;
  stage: string;
  code: string;
  reason: string;
  protocol: string;
  body: string;
  /** "base64" for a body that is not text. */
  encoding?: string;
};

export type DeadLetterPage = { dead_letters: DeadLetter[] | null; next?: string };

export type Replay = {
  dry_run: boolean;
  readable: number;
  more?: boolean;
  letters: { position: number; outcome: string; code?: string; reason?: string }[] | null;
};
