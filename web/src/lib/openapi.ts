// The types of the API. Generated from its OpenAPI document by `go generate ./internal/api/...`; do not edit.

export type Answer = {
  /** The buckets, the oldest first. */
  buckets: Bucket[];
  /** The answer was worked out before; nothing changed since. */
  cached: boolean;
  /** The range that is compared with. */
  compare_range?: AnswerRange;
  /** How wide a bucket is. */
  interval: string;
  /** The kind of the question. */
  kind: string;
  /** What was asked, with every default filled in. */
  question: Trends;
  /** The range as it was understood. */
  range: AnswerRange;
  /** The lines, with a value a bucket. */
  series: AnswerSeries[];
  /** How long it took here, in milliseconds. */
  took_ms: number;
  /** The properties that the question reads as numbers, and how many values are none. */
  unparsed?: Unparsed[];
  /** Up to where the answer is complete. */
  watermark: Watermark;
};

export type AnswerRange = {
  /** The first moment. */
  from: string;
  /** The time zone in which it was cut. */
  timezone: string;
  /** The first moment that is too late. */
  to: string;
};

export type AnswerSeries = {
  /** The value of each property that the series is split by; $none is a missing one, $other all the rest. */
  breakdown?: unknown[];
  /** The same of the compared range. */
  compare?: CompareSeries;
  /** The letter of the series or formula. */
  id: string;
  /** What to show. */
  label: string;
  /** The number of the whole range, which for people is not the sum of the buckets. */
  total: number | null;
  /** A number a bucket; null where there is none. */
  values: (number | null)[];
};

export type AuditAnswer = {
  /** The changes, newest first. */
  entries: AuditEntry[];
  /** Give it as before to read on; absent at the end. */
  next?: number;
};

export type AuditEntry = {
  /** What was done. */
  action: string;
  /** Who did it. */
  actor: string;
  /** When it was done. */
  at: string;
  /** What is different since, in words. */
  detail: string;
  /** The entry's number; entries are numbered in order. */
  id: number;
  /** The project that was changed. */
  project: number;
};

export type Breakdown = {
  /** Reads text as the number that all of it is, such as 12.50; what is none counts as not set. */
  as?: "number";
  /** For a person's property: its value now (default) or at the time of the event. */
  at?: "now" | "event";
  /** A cohort's number or name, in place of a property: splits into who is in it and who is not. */
  cohort?: string;
  /** Ascending bounds that make groups of numbers. */
  edges?: number[];
  /** Whose property it is: the event's (default) or the person's. */
  of?: "event" | "person";
  /** One of the columns of GET /v1/schema ($country), or a property that the app gave. */
  property?: string;
  /** Makes so many groups of numbers of about equal size, 2 to 20. */
  quantiles?: number;
};

export type Bucket = {
  /** The bucket is not over yet. */
  partial?: boolean;
  /** Where the bucket begins on the calendar. */
  start: string;
};

export type CellRequest = {
  /** Which number of its answer. */
  cell: unknown;
  /** A question of any kind, as POST /v1/query takes it. */
  question: unknown;
};

export type Cohort = {
  /** When it was made. */
  created_at: string;
  /** Who is in it, as it was written; times such as -7d are counted from when it is evaluated. */
  definition: CohortDefinition;
  /** What it is for. */
  description: string;
  /** How many people a static cohort had then. */
  frozen?: number;
  /** When a static cohort was frozen. */
  frozen_at?: string;
  /** The cohort's number, which stays the same. */
  id: string;
  /** What it is called; unique in the project. */
  name: string;
  /** Whether it keeps the people that it had when it was frozen. */
  static: boolean;
  /** When it was last changed. */
  updated_at: string;
  /** The numbers of the cohorts that its definition names. */
  uses: string[];
  /** One more after each change; also the ETag. */
  version: number;
};

export type CohortCell = {
  /** Which number of its answer. */
  cell?: unknown;
  /** A question of any kind; it names other cohorts by their numbers. */
  question: unknown;
};

export type CohortDefinition = {
  /** Who is in all of these. */
  and?: CohortDefinition[];
  /** The people behind a number of an answer. */
  cell?: CohortCell;
  /** The number of another cohort. */
  cohort?: string;
  /** Who did something so many times. */
  did?: CohortDid;
  /** People by their ids. */
  list?: CohortList;
  /** All people but those who are in this. */
  not?: CohortDefinition;
  /** Who is in any of these. */
  or?: CohortDefinition[];
  /** Whose latest traits satisfy a condition. */
  property?: Filter;
  /** Who did things one after the other. */
  sequence?: CohortSequence;
};

export type CohortDid = {
  /** The least number of events; default 1, or 0 with at_most. */
  at_least?: number;
  /** The greatest number of events. Who did none is in, unless at_least is given. */
  at_most?: number;
  /** Names of events, any of which counts; none means all events. */
  events?: string[];
  /** The number of events; with 0, who did none. */
  exactly?: number;
  /** The first such event ever must lie in the range. */
  first_time?: boolean;
  /** When the events happened; default ever. */
  range?: Range;
  /** A condition on the events. */
  where?: Filter;
};

export type CohortHead = {
  /** When it was made. */
  created_at: string;
  /** What it is for. */
  description: string;
  /** How many people a static cohort had then. */
  frozen?: number;
  /** When a static cohort was frozen. */
  frozen_at?: string;
  /** The cohort's number, which stays the same. */
  id: string;
  /** What it is called; unique in the project. */
  name: string;
  /** Whether it keeps the people that it had when it was frozen. */
  static: boolean;
  /** When it was last changed. */
  updated_at: string;
  /** The numbers of the cohorts that its definition names. */
  uses: string[];
  /** One more after each change; also the ETag. */
  version: number;
};

export type CohortList = {
  /** Anonymous ids. */
  anonymous_ids?: string[];
  /** Numbers of people, as the lists of people have them. */
  persons?: string[];
  /** User ids; who gets one later is in from then on. */
  user_ids?: string[];
};

export type CohortSequence = {
  /** When the first step happened; default ever. */
  range?: Range;
  /** 1 to 20 steps, in their order. */
  steps: Selector[];
  /** How long after the first step the last one may come; default 7d. */
  window?: string;
};

export type CohortWish = {
  /** Who is in it. A static cohort is frozen anew. */
  definition?: CohortDefinition;
  /** At most 2,000 characters. */
  description?: string;
  /** 1 to 100 characters, not a number, unique in the project. */
  name?: string;
};

export type CohortsAnswer = {
  /** The cohorts, by name. */
  cohorts: CohortHead[];
};

export type CompareSeries = {
  /** The number of the whole compared range. */
  total: number | null;
  /** A number for each bucket of the answer. */
  values: (number | null)[];
};

export type Counts = {
  /** Events acknowledged. */
  accepted: number;
  /** Events that could not be read and were kept as dead letters. */
  dead_lettered: number;
  /** Events that were there already. */
  duplicate: number;
  /** Stored events that retention has removed since. */
  expired: number;
  /** Events that became rows. */
  stored: number;
};

export type Dashboard = {
  /** When it was made. */
  created_at: string;
  /** What it is for. */
  description: string;
  /** The dashboard's id, which stays the same. */
  id: string;
  /** What it is called. */
  name: string;
  /** When its public link was made; absent if it has none. */
  shared_at?: string;
  /** What is on it; no two lie over each other. */
  tiles: Tile[];
  /** When it was last changed. */
  updated_at: string;
  /** One more after each change; also the ETag. */
  version: number;
};

export type DashboardHead = {
  /** When it was made. */
  created_at: string;
  /** What it is for. */
  description: string;
  /** The dashboard's id, which stays the same. */
  id: string;
  /** What it is called. */
  name: string;
  /** When its public link was made; absent if it has none. */
  shared_at?: string;
  /** When it was last changed. */
  updated_at: string;
  /** One more after each change; also the ETag. */
  version: number;
};

export type DashboardWish = {
  /** At most 2,000 characters. */
  description?: string;
  /** 1 to 100 characters. Needed for a new one. */
  name?: string;
  /** All of its tiles, at most 60. */
  tiles?: Tile[];
};

export type DashboardsAnswer = {
  /** The dashboards, by name. */
  dashboards: DashboardHead[];
};

export type DeadLetter = {
  /** Its bytes, at most 64 KiB of them. */
  body: string;
  /** Why, for programs. */
  code: string;
  /** base64 where the bytes are not UTF-8; else absent. */
  encoding?: string;
  /** Its place in the log. */
  position: number;
  /** The wire format it came in. */
  protocol: string;
  /** Why, for people. */
  reason: string;
  /** When the server received it. */
  received_at: string;
  /** Where it got stuck: decode or process. */
  stage: string;
};

export type DeadLetterPage = {
  /** The dead letters, newest first. */
  dead_letters: DeadLetter[];
  /** The cursor of the next page; absent after the last. */
  next?: string;
};

export type DecidingEvent = {
  /** The name of the event. */
  event: string;
  /** The id of the event. */
  id: string;
  /** The position of the event. */
  position: number;
  /** When it was received. */
  received_at: string;
  /** What it is there for, such as step 1, exclusion, start, return, first, before, active or match. */
  role: string;
  /** When it happened. */
  timestamp: string;
};

export type DuplicateBucket = {
  /** How many duplicates were received in it. */
  duplicates: number;
  /** When the bucket begins. */
  start: string;
};

export type Duplicates = {
  /** How long a bucket is: hour or day. */
  interval: string;
  /** The SDKs that sent duplicates, the most first, at most 100; others are together under $other. */
  sdks: SDKDuplicates[];
  /** All duplicates in the ledger of these hours; the SDKs add up to it. */
  total: number;
  /** Up to where it is complete. */
  watermark: Watermark;
};

export type Event = {
  /** The anonymous id it came with. */
  anonymous_id?: string;
  /** The browser, read from the user agent. */
  browser?: string;
  /** The city that the address belongs to. */
  city?: string;
  /** Device, app, page and campaign, nested as in Segment's format. */
  context?: unknown;
  /** The country that the address belongs to. */
  country?: string;
  /** The event's name. */
  event: string;
  /** What was odd: future, skew_corrected, no_time, bad_identity, made_id, truncated. */
  flags?: string[];
  /** The group. */
  group_id?: string;
  /** The event's id; a second event with it is a duplicate. */
  id: string;
  /** track, page, screen, identify, group or alias. */
  kind: string;
  /** The person, a 64-bit number in decimal digits. */
  person: string;
  /** Its place in the log. */
  position: number;
  /** The id that an alias event merges into the user id. */
  previous_id?: string;
  /** What the app said of the event. */
  properties?: unknown;
  /** The wire format it came in. */
  protocol?: string;
  /** When the server received it. */
  received_at: string;
  /** The region that the address belongs to. */
  region?: string;
  /** The session, where the app sends one. */
  session_id?: string;
  /** How much was added to the device's time, in milliseconds. */
  skew_ms?: number;
  /** When it happened, corrected for the device's clock. */
  timestamp: string;
  /** Traits that were not just set, by operation, such as set_once or unset. */
  trait_ops?: unknown;
  /** What the app said of the person or group. */
  traits?: unknown;
  /** The user id it came with. */
  user_id?: string;
};

export type EventPage = {
  /** The events, newest first. */
  events: Event[];
  /** The cursor of the next page; absent after the last. */
  next?: string;
  /** Up to where the page is complete. */
  watermark: Watermark;
};

export type EventSession = {
  /** When its last event happened. */
  ended_at: string;
  /** How many events it has. */
  events: number;
  /** This event begins it. */
  first: boolean;
  /** This event ends it. */
  last: boolean;
  /** When its first event happened. */
  started_at: string;
};

export type ExplainRequest = {
  /** Which number of its answer. */
  cell: unknown;
  /** The number of a person, in decimal digits. */
  person: string;
  /** A question of any kind, as POST /v1/query takes it. */
  question: unknown;
};

export type Explanation = {
  /** The events that decide, the oldest first, at most 100. */
  events: DecidingEvent[];
  /** The person is behind the number. */
  in: boolean;
  /** One change with which the person would be in; absent when there is none. */
  nearest?: NearestMiss;
  /** The person; one that was merged into another is that one. */
  person: string;
  /** Why, as a word. */
  reason: "counted" | "no_event" | "outside_range" | "other_bucket" | "other_value" | "no_value" | "other_state" | "window" | "step_window" | "exclusion" | "order" | "missing_step" | "other_cohort" | "started_before" | "not_returned" | "returned" | "other_intervals" | "other_node" | "not_counted";
  /** Why, in words. */
  sentence: string;
  /** How long it took, in milliseconds. */
  took_ms: number;
  /** Up to where the events are complete. */
  watermark: Watermark;
};

export type Filter = {
  /** All of these hold; instead of property and op. */
  and?: Filter[];
  /** Reads text as the number that all of it is, such as 12.50; what is none counts as not set. */
  as?: "number";
  /** For a person's property: its value now (default) or at the time of the event. */
  at?: "now" | "event";
  /** A cohort's number or name, in place of a property; with in or not_in. */
  cohort?: string;
  /** Whose property it is: the event's (default) or the person's. */
  of?: "event" | "person";
  /** How the property is compared. Text never equals a number. */
  op?: "is" | "is_not" | "contains" | "not_contains" | "starts_with" | "ends_with" | "regex" | "gt" | "gte" | "lt" | "lte" | "between" | "before" | "after" | "is_set" | "is_not_set" | "in" | "not_in";
  /** One of these holds; instead of property and op. */
  or?: Filter[];
  /** One of the columns of GET /v1/schema ($country), or a property that the app gave. */
  property?: string;
  /** A text, a number or a boolean; a list for in and not_in, two values for between, nothing for is_set and is_not_set. */
  value?: unknown;
};

export type Formula = {
  /** Numbers, letters of series, + - * / and parentheses. Divided by zero is null. */
  expression: string;
  /** A letter that no series has; default the next free one. */
  id?: string;
  /** What is shown. */
  label?: string;
};

export type FreshnessStatus = {
  /** Half of the events were visible within this time. */
  p50: number;
  /** 99 in 100 events were visible within this time. */
  p99: number;
};

export type Funnel = {
  /** At which step the value of the breakdown is taken; default first_step. */
  attribution?: "first_step" | "last_step" | "step" | "first_defined" | "all_equal";
  /** The step of attribution step, 1 and up. */
  attribution_step?: number;
  /** Up to three properties whose values split the funnel. */
  breakdown?: Breakdown[];
  /** How many values are shown, 1 to 1000, default 25; the rest is one group, $other. */
  breakdown_limit?: number;
  /** Adds the funnel of the period before, or of the same dates a year before. */
  compare?: "previous" | "year";
  /** The step from which time to convert is measured; default the first. */
  convert_from?: number;
  /** The step up to which time to convert is measured; default the last. */
  convert_to?: number;
  /** Which entry counts: the one that came farthest, the first, or every one that begins after the one before has ended; default best. */
  entry?: "best" | "first" | "every";
  /** An excluded event ends an attempt where it is, or removes the unit from all steps; default stop_here. */
  exclusion_effect?: "stop_here" | "drop_actor";
  /** Events that must not happen in between. */
  exclusions?: FunnelExclusion[];
  /** Up to three properties whose values must be the same at all steps. */
  hold?: PropertyRef[];
  /** Whether a unit counts once, or once for every value that it holds; default unit. */
  hold_counts?: "unit" | "value";
  /** Names of events that do not disturb a strict order either, at most 100. */
  ignore?: string[];
  /** How wide a bucket of the trend is; default day. */
  interval?: "hour" | "day" | "week" | "month";
  /** The kind of question. */
  kind: "funnel";
  /** Leaves out who may still convert. */
  mature?: boolean;
  /** One after the other, one after the other with no visible event in between, or in any order; default sequential. */
  order?: "sequential" | "strict" | "any";
  /** Fills in what the question leaves out as that vendor would. */
  preset?: "posthog" | "mixpanel" | "amplitude";
  /** When a funnel is entered; default the last 30 days. */
  range?: Range;
  /** The steps, conversion by the time of entry, how long it takes, or conversion as a function of the window; default steps. */
  show?: "steps" | "trend" | "time_to_convert" | "window";
  /** Whose the anonymous events of an id are that its app keeps when somebody signs out: of whoever signs in next, unless another user was active since, or of the last user; default next_user, or last_user for the preset amplitude. */
  signed_out?: "next_user" | "last_user";
  /** 1 to 20 steps. */
  steps: FunnelStep[];
  /** Up to which distance two events may be taken in either order; second cuts times to whole seconds; default 0s. */
  tie?: "0s" | "1s" | "2s" | "second";
  /** IANA time zone in which the range and the trend's intervals are cut; default the project's. "device" in its place puts every event where the clock of its device stood, by $timezone; without one where the project's stood. */
  timezone?: string;
  /** What is counted; default person. */
  unit?: "person" | "session" | "device" | "group" | "expression";
  /** For unit expression one to three properties: all events with the same values of them are one unit. */
  unit_by?: PropertyRef[];
  /** What disturbs a strict order: actions (default), all but events of identity, of sessions and those that happen without the person, or all events. */
  visible?: "actions" | "all";
  /** The day that weeks begin with; default the project's. */
  week_start?: "sunday" | "monday" | "tuesday" | "wednesday" | "thursday" | "friday" | "saturday";
  /** A condition on all steps, on exclusions, and on what disturbs a strict order. */
  where?: Filter;
  /** How long after its entry a funnel may take, the end included: 30s, 90min, 12h, 7d, 2w; default 7d. */
  window?: string;
  /** For show window: the windows, up to 20. */
  windows?: string[];
  /** Whether only the entry must lie in the range, or all steps; default entry. */
  within?: "entry" | "all_steps";
};

export type FunnelAnswer = {
  /** The moment that open and dropped are told for: when the newest event was received, in whole minutes. */
  as_of: string;
  /** The answer was computed earlier, on the same data. */
  cached: boolean;
  /** The range that is compared with. */
  compare_range?: AnswerRange;
  /** One group a value of the breakdown, or a single one. */
  groups: FunnelGroup[];
  /** The kind of the question. */
  kind: string;
  /** What was asked, with every default filled in. */
  question: Funnel;
  /** The range as it was understood. */
  range: AnswerRange;
  /** How long it took, in milliseconds. */
  took_ms: number;
  /** The properties that the question reads as numbers, and how many values are none. */
  unparsed?: Unparsed[];
  /** Up to where the answer is complete. */
  watermark: Watermark;
};

export type FunnelBin = {
  /** How many there are. */
  count: number;
  /** The shortest time of the group. */
  from_ms: number;
  /** Where the next group begins. */
  to_ms: number;
};

export type FunnelExclusion = {
  /** Names of events, any of which is excluded; none means all events. */
  events?: string[];
  /** The step after which it is excluded; default the first. */
  from?: number;
  /** The step before which it is excluded; default the last. */
  to?: number;
  /** A condition on the excluded events. */
  where?: Filter;
};

export type FunnelGroup = {
  /** The values, one a property: text, number, boolean, $none or $other. */
  breakdown?: unknown[];
  /** The same of the compared range. */
  compare?: FunnelGroup;
  /** How many reached the last step. */
  converted: number;
  /** How many can no longer convert. */
  dropped: number;
  /** How many reached the first step. */
  entered: number;
  /** How many may still convert. */
  open: number;
  /** converted / (converted + dropped). */
  rate: number | null;
  /** converted / entered. */
  rate_all: number | null;
  /** How many reached each step. */
  steps: FunnelReached[];
  /** For show time_to_convert: how long it took. */
  time_to_convert?: FunnelTimes;
  /** For show trend: what became of those who entered in each interval. */
  trend?: FunnelPoint[];
  /** For show window: the funnel with other windows. */
  windows?: FunnelWindow[];
};

export type FunnelPoint = {
  /** How many of them reached the last step. */
  converted: number;
  /** How many of them can no longer convert. */
  dropped: number;
  /** How many entered in the interval. */
  entered: number;
  /** How many of them may still convert. */
  open: number;
  /** The interval is not over, or somebody may still convert. */
  partial?: boolean;
  /** converted / (converted + dropped). */
  rate: number | null;
  /** converted / entered. */
  rate_all: number | null;
  /** Where the interval begins. */
  start: string;
  /** How many of them reached each step. */
  steps: number[];
};

export type FunnelReached = {
  /** The mean time since that step, in milliseconds. */
  average_ms?: number;
  /** How many reached it. */
  count: number;
  /** The share of those at the step before that is not optional. */
  from_previous: number | null;
  /** The step's label. */
  label: string;
  /** The median time since that step, in milliseconds. */
  median_ms?: number;
  /** The share of those who entered. */
  rate: number | null;
};

export type FunnelStep = {
  /** The step keeps its place when the order is any. */
  anchored?: boolean;
  /** Names of events, any of which counts; none means all events. */
  events?: string[];
  /** What is shown; default the names of the events. */
  label?: string;
  /** The funnel goes on without the step; only in sequence, and not the first one. */
  optional?: boolean;
  /** A condition on this step's events. */
  where?: Filter;
  /** How long after the step before it may be. */
  window?: string;
};

export type FunnelTimes = {
  /** The mean, in milliseconds. */
  average_ms: number | null;
  /** How many reached both. */
  count: number;
  /** The step from which time is measured. */
  from: number;
  /** Groups of equal width from the shortest to the longest time. */
  histogram: FunnelBin[];
  /** The longest time. */
  max_ms: number | null;
  /** Half took at most this long. */
  median_ms: number | null;
  /** The shortest time. */
  min_ms: number | null;
  /** A quarter took at most this long. */
  p25_ms: number | null;
  /** Three quarters took at most this long. */
  p75_ms: number | null;
  /** Nine tenths took at most this long. */
  p90_ms: number | null;
  /** Nineteen twentieths took at most this long. */
  p95_ms: number | null;
  /** All but a hundredth took at most this long. */
  p99_ms: number | null;
  /** The step up to which time is measured. */
  to: number;
};

export type FunnelWindow = {
  /** How many reached the last step within the window. */
  converted: number;
  /** How many can no longer convert. */
  dropped: number;
  /** How many reached the first step. */
  entered: number;
  /** The estimated share that converts within this time, out of the funnel with its own window. */
  kaplan_meier: number | null;
  /** How many may still convert. */
  open: number;
  /** converted / (converted + dropped). */
  rate: number | null;
  /** converted / entered. */
  rate_all: number | null;
  /** The window. */
  window: string;
};

export type Identity = {
  /** How many events of the person carry it. */
  events: number;
  /** When the first event with the id happened. */
  first_seen: string;
  /** The id. */
  id: string;
  /** Whether it is a user id, an anonymous id or a device id. */
  kind: "user" | "anonymous" | "device";
  /** When the last event with the id happened. */
  last_seen: string;
  /** When the server received the event that first made it one person with another id; absent if none did, or if that event was removed. */
  linked_at?: string;
  /** The number that the id has by itself, in decimal digits. */
  number: string;
};

export type Insight = {
  /** When it was saved. */
  created_at: string;
  /** What it is for. */
  description: string;
  /** The insight's id, which stays the same. */
  id: string;
  /** The kind of question. */
  kind: string;
  /** What it is called. */
  name: string;
  /** The question as it was saved; times such as -7d are counted from when it is asked. */
  question: unknown;
  /** When it was last changed. */
  updated_at: string;
  /** One more after each change; also the ETag. */
  version: number;
};

export type InsightHead = {
  /** When it was saved. */
  created_at: string;
  /** What it is for. */
  description: string;
  /** The insight's id, which stays the same. */
  id: string;
  /** The kind of question. */
  kind: string;
  /** What it is called. */
  name: string;
  /** When it was last changed. */
  updated_at: string;
  /** One more after each change; also the ETag. */
  version: number;
};

export type InsightWish = {
  /** At most 2,000 characters. */
  description?: string;
  /** 1 to 100 characters. Needed for a new one. */
  name?: string;
  /** A question of any kind as for POST /v1/query, at most 64 KiB. Needed for a new one. */
  question?: unknown;
};

export type InsightsAnswer = {
  /** The saved questions, by name. */
  insights: InsightHead[];
};

export type Key = {
  /** When it was made. */
  created_at: string;
  /** Its beginning and its end, to recognise it. */
  hint: string;
  /** The key's number. */
  id: number;
  /** write sends events, read asks questions, admin does everything. */
  kind: "write" | "read" | "admin";
  /** When it was last used, to the minute; absent if never. */
  last_used_at?: string;
  /** What it is for. */
  name: string;
  /** The project it belongs to. */
  project: number;
  /** When it was revoked; absent if it is good. */
  revoked_at?: string;
};

export type KeyAnswer = {
  /** When it was made. */
  created_at: string;
  /** Its beginning and its end, to recognise it. */
  hint: string;
  /** The key's number. */
  id: number;
  /** The key itself. It is not stored and cannot be shown again. */
  key: string;
  /** write sends events, read asks questions, admin does everything. */
  kind: "write" | "read" | "admin";
  /** When it was last used, to the minute; absent if never. */
  last_used_at?: string;
  /** What it is for. */
  name: string;
  /** The project it belongs to. */
  project: number;
  /** When it was revoked; absent if it is good. */
  revoked_at?: string;
};

export type KeysAnswer = {
  /** All keys of the project by number, revoked ones included. */
  keys: Key[];
};

export type LagStatus = {
  /** How many events wait. */
  events: number;
  /** For how long. */
  seconds: number;
};

export type LaneStatus = {
  /** What was acknowledged and is not visible yet, as far as this process knows. */
  lag: LagStatus;
  /** The number of the lane. */
  lane: number;
  /** What the lane's log holds. */
  log: LogStatus;
  /** Whether it is this process that stores the lane's events. */
  processes: boolean;
  /** The position in the lane's log before which every event is visible. */
  watermark: Watermark;
};

export type LedgerAnswer = {
  /** The difference is 0. */
  balanced: boolean;
  /** accepted - stored - duplicate - dead_lettered; anything but 0 is a fault. */
  difference: number;
  /** The hours in which something was received. */
  hours: LedgerHour[];
  /** Acknowledged events, of all projects, that are still on their way and not in the figures. */
  in_flight: number;
  /** All hours together. */
  total: Counts;
  /** Up to where the figures are complete. */
  watermark: Watermark;
};

export type LedgerHour = {
  /** Events acknowledged. */
  accepted: number;
  /** Events that could not be read and were kept as dead letters. */
  dead_lettered: number;
  /** Events that were there already. */
  duplicate: number;
  /** Stored events that retention has removed since. */
  expired: number;
  /** The hour's beginning. */
  hour: string;
  /** Events that became rows. */
  stored: number;
};

export type Lifecycle = {
  /** The event that makes somebody active. */
  active?: Selector;
  /** Splits people by values of their first active event in the range, or in the interval before it. */
  breakdown?: Breakdown[];
  /** How many values have a group, 1 to 1000, default 25; the rest is one, $other. */
  breakdown_limit?: number;
  /** How wide a bucket is; default day. */
  interval?: "hour" | "day" | "week" | "month";
  /** The kind of question: lifecycle. */
  kind: "lifecycle";
  /** What makes somebody new: the first active event ever (active, the default), or the first event of any kind (any). */
  new_by?: "active" | "any";
  /** Whose rules fill in what the question leaves out: posthog, mixpanel or amplitude; default ours. */
  preset?: "posthog" | "mixpanel" | "amplitude";
  /** The time that is asked about; default the last 30 days. */
  range?: Range;
  /** Whose the anonymous events of an id are that its app keeps when somebody signs out: of whoever signs in next, unless another user was active since, or of the last user; default next_user, or last_user for the preset amplitude. */
  signed_out?: "next_user" | "last_user";
  /** IANA time zone in which days, weeks and months are cut; default the project's. "device" in its place puts every event where the clock of its device stood, by $timezone; without one where the project's stood. */
  timezone?: string;
  /** The day that weeks begin with; default the project's. */
  week_start?: "sunday" | "monday" | "tuesday" | "wednesday" | "thursday" | "friday" | "saturday";
  /** A condition on every event that is looked at. */
  where?: Filter;
};

export type LifecycleAnswer = {
  /** The buckets of everybody, the oldest first. */
  buckets: LifecycleBucket[];
  /** The answer was worked out before; nothing changed since. */
  cached: boolean;
  /** One for each value of the breakdown, most people first. They add up to the buckets of everybody. */
  groups?: LifecycleGroup[];
  /** How wide a bucket is. */
  interval: string;
  /** The kind of the question. */
  kind: string;
  /** What was asked, with every default filled in. */
  question: Lifecycle;
  /** The range as it was understood. */
  range: AnswerRange;
  /** How long it took here, in milliseconds. */
  took_ms: number;
  /** The properties that the question reads as numbers, and how many values are none. */
  unparsed?: Unparsed[];
  /** Up to where the answer is complete. */
  watermark: Watermark;
};

export type LifecycleBucket = {
  /** new + returning + resurrecting. */
  active: number;
  /** Active in the bucket before, not in this one; null until the bucket is over. */
  dormant: number | null;
  /** Active, and never before. */
  new: number;
  /** The bucket is not over yet. */
  partial?: boolean;
  /** (new + resurrecting) / dormant; null without a dormant person. */
  pulse: number | null;
  /** Active, and earlier, but not in the bucket before. */
  resurrecting: number;
  /** Active, and in the bucket before as well. */
  returning: number;
  /** Where the bucket begins on the calendar. */
  start: string;
};

export type LifecycleGroup = {
  /** The values; $none where there is none, $other for all that are not shown. */
  breakdown: unknown[];
  /** The buckets, the oldest first. */
  buckets: LifecycleBucket[];
  /** How many are active in the range, or in the interval before it. */
  people: number;
};

export type Limit = {
  /** The setting of the configuration, or of the project, that says so; absent for limits that cannot be set. */
  key?: string;
  /** A stable word for what is limited. */
  name: string;
  /** Whether it holds for each request or event, for the project, or for the whole server. */
  scope: "request" | "project" | "server";
  /** What value and used count. */
  unit: "bytes" | "count" | "seconds" | "per_second";
  /** How much of it is in use now; absent for limits of a single thing. */
  used?: number;
  /** The limit; null where there is none. */
  value: number | null;
  /** What is limited, in words. */
  what: string;
};

export type LimitsAnswer = {
  /** The limits that are in effect. */
  limits: Limit[];
};

export type LinkAnswer = {
  /** When it was made. */
  created_at: string;
  /** What it is for. */
  description: string;
  /** The dashboard's id, which stays the same. */
  id: string;
  /** What it is called. */
  name: string;
  /** When its public link was made; absent if it has none. */
  shared_at?: string;
  /** The secret of the link, which is /shared#token. It is not stored and cannot be shown again. */
  token: string;
  /** When it was last changed. */
  updated_at: string;
  /** One more after each change; also the ETag. */
  version: number;
};

export type LiveMessage = {
  /** The newest events, the newest first; at most 50. */
  events: Event[];
  /** How many more arrived since the message before and are not shown. */
  skipped: number;
  /** The position before which every event is visible. */
  watermark: Watermark;
};

export type LogStatus = {
  /** The position after the last event. */
  end: number;
  /** The first position that is still held. */
  start: number;
};

export type MeAnswer = {
  /** What kind of key it is. */
  kind: "read" | "admin";
  /** The key's own project, or the one that an admin key picked. */
  project: Project;
};

export type MemberCohort = {
  /** What it is for. */
  description: string;
  /** The cohort's number. */
  id: string;
  /** What it is called. */
  name: string;
  /** Whether it keeps the people that it had when it was frozen. */
  static: boolean;
};

export type NameCount = {
  /** The event's name. */
  event: string;
  /** How often the person did it. */
  events: number;
  /** When it was done last. */
  last_seen: string;
};

export type NearestMiss = {
  /** The path of a field of the question, or behind "cell." of the cell. */
  parameter: string;
  /** The same in words. */
  sentence: string;
  /** What to put there; null takes the field out. */
  value: unknown;
};

export type NewCohort = {
  /** Who is in it. */
  definition: CohortDefinition;
  /** At most 2,000 characters. */
  description?: string;
  /** 1 to 100 characters, not a number, unique in the project. */
  name: string | null;
  /** Keep the people that are in it now; else they are found whenever it is used. */
  static?: boolean;
};

export type NewKey = {
  /** write sends events, read asks questions, admin does everything. */
  kind: "write" | "read" | "admin";
  /** What it is for. */
  name?: string;
};

export type Note = {
  /** What it means. */
  description: string;
  /** What it is about. */
  kind: "event" | "property";
  /** The event's name or the property's key. */
  name: string;
  /** The person or team that answers for it. */
  owner: string;
  /** When it was last changed. */
  updated_at: string;
  /** One more after each change; also the ETag. 0 when nothing was ever said. */
  version: number;
};

export type NoteWish = {
  /** What it means: at most 2,000 characters. */
  description?: string;
  /** The person or team that answers for it: at most 100 characters. */
  owner?: string;
};

export type NotesAnswer = {
  /** What is said of events and then of properties, by name; of those, too, that were not seen. */
  notes: Note[];
};

export type OperationsAnswer = {
  /** Events acknowledged since the start. */
  accepted: number;
  /** How long acknowledgements took, from request to durable. */
  acks: OperationsBuckets;
  /** How far the archive is; absent if there is none. */
  archive?: OperationsArchive;
  /** Bytes of accepted bodies since the start, decompressed. */
  body_bytes: number;
  /** Seconds of processor time since the start. */
  cpu_seconds: number;
  /** Events set aside since the start. */
  dead_lettered: number;
  /** Size of the index of known event ids on disk. */
  dedup_bytes: number;
  /** What is free on the disk of the data folder; 0 where that cannot be told. */
  disk_free_bytes: number;
  /** Size of the disk of the data folder; 0 where that cannot be told. */
  disk_total_bytes: number;
  /** The version of DuckDB; absent when the store is elsewhere. */
  duckdb_version?: string;
  /** Repeated events left out since the start. */
  duplicates: number;
  /** The version of Go that it was built with. */
  go_version: string;
  /** Size of the event log on disk. */
  log_bytes: number;
  /** What projects have stored: with an admin key all, else the key's own. */
  projects: OperationsProject[];
  /** How long answers took that were not at hand. */
  questions: OperationsBuckets;
  /** Questions being answered. */
  questions_running: number;
  /** Questions that wait for their turn. */
  questions_waiting: number;
  /** Requests to send events that were refused since the start. */
  refused: number;
  /** Memory that the process has in use. */
  resident_bytes: number;
  /** How fresh answers are, as from /v1/status. */
  status: ServerStatus;
  /** Size of the store on disk; 0 when it is elsewhere. */
  store_bytes: number;
  /** Events stored since the start. */
  stored: number;
  /** Live streams that are open. */
  streams: number;
  /** When the figures were taken. */
  time: string;
};

export type OperationsArchive = {
  /** Events of the log that are not in it yet. */
  lag_events: number;
  /** Everything before it is in the archive, and was read back. */
  position: number;
};

export type OperationsBucket = {
  /** How many took at most that. */
  count: number;
  /** The upper bound. */
  seconds: number;
};

export type OperationsBuckets = {
  /** How many took at most so long, rising. */
  buckets: OperationsBucket[];
  /** How many there were. */
  count: number;
  /** How long they took together. */
  sum_seconds: number;
};

export type OperationsProject = {
  /** The project's number. */
  id: number;
  /** The project's name. */
  name: string;
  /** Events that are stored. */
  rows: number;
  /** About its part of the store's size, by rows. */
  store_bytes: number;
};

export type Outline = {
  /** Which of the columns hold a property of the app. */
  columns: OutlineColumn[];
  /** What becomes of the rows, sentence by sentence. */
  how: string[];
  /** The kind of question. */
  kind: string;
  /** The names of events that statements have the numbers of. */
  names: OutlineName[];
  /** The names that statements read from. */
  relations: OutlineRelation[];
  /** What the store would be given, in order. A statement that is made of another's rows stands as it is without any. */
  statements: OutlineStatement[];
  /** That of the data whose columns the statements were made for. */
  watermark: Watermark;
};

export type OutlineColumn = {
  /** The name of the column. */
  column: string;
  /** The property whose values it holds. */
  property: string;
  /** Those of its values that are of this type. */
  type: string;
};

export type OutlineName = {
  /** The name of the events. */
  event: string;
  /** What stands for it in the column event_number. */
  number: number;
};

export type OutlineRelation = {
  /** The columns that are read. */
  columns: string[];
  /** The name in the statements. */
  name: string;
  /** events has a row for every event of the project before the watermark, with the person that it is by now; people has those of a cohort. */
  sort: "events" | "people";
};

export type OutlineStatement = {
  /** The cohort whose people it finds; absent when it is for none. */
  cohort?: string;
  /** What it is for. */
  name: string;
  /** The values bound, that of $1 first. */
  parameters: unknown[];
  /** The text as it is compiled; $1 and so on are the parameters. */
  sql: string;
};

export type PathGroup = {
  /** The values; $none where there is none, $other for all that are not shown. */
  breakdown: unknown[];
  /** The steps in order, with the nodes that these paths have. */
  layers: PathLayer[];
  /** What leads from a node of a step to one of the next. */
  links: PathLink[];
  /** How many paths have them. */
  paths: number;
};

export type PathLayer = {
  /** The values of the step, the most frequent first; then other and end or start. */
  nodes: PathNode[];
  /** 0 is the event that paths lead from or to, 1 the step after it, -1 the one before. */
  step: number;
};

export type PathLink = {
  /** How many paths have both. */
  count: number;
  /** The place of the first node in its step. */
  from: number;
  /** The step of the first node. */
  step: number;
  /** The place of the second node in the next step. */
  to: number;
};

export type PathNode = {
  /** How many paths have it there. */
  count: number;
  /** value, other (all other values), end (the path ended before this step) or start (it begins after it). */
  sort: string;
  /** The value of the step. */
  value: unknown;
};

export type PathPlace = {
  /** The sort of node; default value. */
  sort?: "value" | "other" | "end" | "start";
  /** The value of a node of sort value. */
  value?: unknown;
};

export type Paths = {
  /** Splits paths by values of the event that they lead from or to. */
  breakdown?: Breakdown[];
  /** How many values have a group, 1 to 1000, default 25; the rest is one, $other. */
  breakdown_limit?: number;
  /** Equal steps that follow each other are one. */
  collapse_repeats?: boolean;
  /** How many steps follow or precede, 1 to 10; default 5, or 3 on either side. */
  depth?: number;
  /** Paths begin with this event. */
  from?: Selector;
  /** Paths lead from or to a step of this funnel, of just those whom it counts. */
  funnel?: PathsFunnel;
  /** The longest pause within a session; default the project's. */
  gap?: string;
  /** The kind of question: paths. */
  kind: "paths";
  /** The property that names a step; default $event. */
  node?: PropertyRef;
  /** How many values a step shows, 1 to 100, default 10; the rest is one more, $other. */
  nodes?: number;
  /** Whose rules fill in what the question leaves out: posthog, mixpanel or amplitude; default ours. */
  preset?: "posthog" | "mixpanel" | "amplitude";
  /** The time that is asked about; default the last 30 days. */
  range?: Range;
  /** Whose the anonymous events of an id are that its app keeps when somebody signs out: of whoever signs in next, unless another user was active since, or of the last user; default next_user, or last_user for the preset amplitude. */
  signed_out?: "next_user" | "last_user";
  /** Which events are steps; default all but those that happen without the person or only tell who it is. */
  steps?: Selector;
  /** Paths go through this event. */
  through?: Selector;
  /** IANA time zone in which days, weeks and months are cut; default the project's. */
  timezone?: string;
  /** Paths end with this event. */
  to?: Selector;
  /** What has a path: every person (actors, the default), every session of one, or every event that paths lead from or to (transitions). */
  unit?: "actors" | "sessions" | "transitions";
  /** A condition on every event that is looked at. */
  where?: Filter;
  /** How far a path may go, such as 30min or 7d; default 7d for actors, 24h for others. */
  window?: string;
};

export type PathsAnswer = {
  /** The answer was worked out before; nothing changed since. */
  cached: boolean;
  /** One for each value of the breakdown, most paths first. They add up to paths, layers and links. */
  groups?: PathGroup[];
  /** The kind of the question. */
  kind: string;
  /** The steps in order; each has all paths. */
  layers: PathLayer[];
  /** What leads from a node of a step to one of the next. */
  links: PathLink[];
  /** How many paths there are. */
  paths: number;
  /** What was asked, with every default filled in. */
  question: Paths;
  /** The range as it was understood. */
  range: AnswerRange;
  /** How long it took here, in milliseconds. */
  took_ms: number;
  /** The properties that the question reads as numbers, and how many values are none. */
  unparsed?: Unparsed[];
  /** Up to where the answer is complete. */
  watermark: Watermark;
};

export type PathsFunnel = {
  /** A funnel of persons without a breakdown; its range is that of the paths. */
  question: Funnel;
  /** What they did after the step (the default), before it, or between it and the next one. */
  side?: "after" | "before" | "between";
  /** What became of those who reached it; default entered, which is all. */
  state?: "entered" | "converted" | "dropped" | "open" | "stopped_here";
  /** The step that was reached, from 1 on; default 1. */
  step?: number;
};

export type PeopleOfFunnel = {
  /** The place of a bin of the histogram of time_to_convert, from 0 on. */
  bin?: number;
  /** The values of the group, as the answer has them. */
  breakdown?: unknown[];
  /** Where the interval of the entry starts. */
  bucket?: string;
  /** Picks the range that is compared with. */
  compare?: boolean;
  /** What became of them; default entered. stopped_here is who reached the step and no later one. */
  state?: "entered" | "converted" | "dropped" | "open" | "stopped_here";
  /** Picks who reached this step, from 1 on. */
  step?: number;
  /** One of the windows of show window, in place of the question's own. */
  window?: string;
};

export type PeopleOfLifecycle = {
  /** The values of a group; without it everybody. */
  breakdown?: unknown[];
  /** Where the interval starts. */
  bucket: string | null;
  /** What they are in it; default active. */
  state?: "active" | "new" | "returning" | "resurrecting" | "dormant";
};

export type PeopleOfPaths = {
  /** The values of a group; without it all paths. */
  breakdown?: unknown[];
  /** A node of the next layer, for a link. */
  next?: PathPlace;
  /** A node of the layer; without it all paths. */
  node?: PathPlace;
  /** The step of the layer. */
  step?: number;
};

export type PeopleOfRetention = {
  /** The values of the table, as the answer has them. */
  breakdown?: unknown[];
  /** Where the interval of the cohort starts; without it the people of all cohorts, of a column those whose cell is complete, as in the average. */
  cohort?: string;
  /** The place of a column among the answer's, from 0 on; without it the whole cohort. */
  column?: number;
  /** Picks who came back in the column (default) or who did not. */
  returned?: boolean;
};

export type PeopleOfSessions = {
  /** The place of a bin of the histogram, from 0 on. */
  bin?: number;
  /** Picks the sessions of a single event. */
  bounced?: boolean;
  /** The values of the group, as the answer has them. */
  breakdown?: unknown[];
  /** Where the interval starts in which the sessions began; without it the total of the range. */
  bucket?: string;
  /** Picks the sessions with an event that a measure is of, by its place from 0 on. */
  measure?: number;
};

export type PeopleOfStickiness = {
  /** The values of a group; without it everybody. */
  breakdown?: unknown[];
  /** Of a ratio, where the day starts. */
  day?: string;
  /** Picks the number for so many intervals; without it the people of the window. */
  intervals?: number;
  /** Of a ratio, the day (default) or the days that end with it. */
  of?: "day" | "span";
  /** Where the window starts; it may be left out when there is one. */
  window?: string;
};

export type PeopleOfTrends = {
  /** The values of the line, as the answer has them, $none and $other too. */
  breakdown?: unknown[];
  /** Where the bucket starts; without it the total of the range. */
  bucket?: string;
  /** Picks the range that is compared with; the bucket is still that of the answer. */
  compare?: boolean;
  /** The id of a series; it may be left out when there is one. */
  series?: string;
};

export type PeoplePage = {
  /** The cursor of the next page; absent after the last. */
  next?: string;
  /** The people, in the order of their numbers. */
  people: Person[];
  /** How many people are behind the number. */
  total: number;
  /** Up to where the list is complete. */
  watermark: Watermark;
};

export type PeopleRequest = {
  /** Which number of its answer. */
  cell: unknown;
  /** Where to go on: next of the page before. */
  cursor?: string;
  /** How many people a page has at most, 1 to 1000, default 50. */
  limit?: number;
  /** A question of any kind, as POST /v1/query takes it. */
  question: unknown;
};

export type Person = {
  /** There never was a user id. */
  anonymous: boolean;
  /** The anonymous id that was sent last. */
  anonymous_id?: string;
  /** Of the last event that has one. */
  app_version?: string;
  /** Of the last event that has one. */
  country?: string;
  /** How many events there are, of any kind. */
  events: number;
  /** When the first event happened. */
  first_seen?: string;
  /** When the last event happened. */
  last_seen?: string;
  /** Of the last event that has one. */
  os?: string;
  /** The number of the person, in decimal digits; GET /v1/events takes it. */
  person: string;
  /** The latest traits. */
  traits?: unknown;
  /** The user id that was sent last. */
  user_id?: string;
};

export type PersonCohortsAnswer = {
  /** The cohorts that the person is in, by name. */
  cohorts: MemberCohort[];
  /** The number of the person. */
  person: string;
  /** Cohorts whose definitions are no longer good, so that nobody can tell. */
  unknown?: UnknownCohort[];
  /** Up to where that holds. */
  watermark: Watermark;
};

export type PersonEvent = {
  /** The anonymous id it came with. */
  anonymous_id?: string;
  /** The browser, read from the user agent. */
  browser?: string;
  /** The city that the address belongs to. */
  city?: string;
  /** Device, app, page and campaign, nested as in Segment's format. */
  context?: unknown;
  /** The country that the address belongs to. */
  country?: string;
  /** The event's name. */
  event: string;
  /** What was odd: future, skew_corrected, no_time, bad_identity, made_id, truncated. */
  flags?: string[];
  /** The group. */
  group_id?: string;
  /** The event's id; a second event with it is a duplicate. */
  id: string;
  /** track, page, screen, identify, group or alias. */
  kind: string;
  /** The person, a 64-bit number in decimal digits. */
  person: string;
  /** Its place in the log. */
  position: number;
  /** The id that an alias event merges into the user id. */
  previous_id?: string;
  /** What the app said of the event. */
  properties?: unknown;
  /** The wire format it came in. */
  protocol?: string;
  /** When the server received it. */
  received_at: string;
  /** The region that the address belongs to. */
  region?: string;
  /** The session that the event belongs to; absent if it bears none, as a push that was received. */
  session?: EventSession;
  /** The session, where the app sends one. */
  session_id?: string;
  /** How much was added to the device's time, in milliseconds. */
  skew_ms?: number;
  /** When it happened, corrected for the device's clock. */
  timestamp: string;
  /** Traits that were not just set, by operation, such as set_once or unset. */
  trait_ops?: unknown;
  /** What the app said of the person or group. */
  traits?: unknown;
  /** The user id it came with. */
  user_id?: string;
};

export type PersonEvents = {
  /** The events, newest first. */
  events: PersonEvent[];
  /** The cursor of the next page; absent after the last. */
  next?: string;
  /** The number of the person. */
  person: string;
  /** Up to where the page is complete. */
  watermark: Watermark;
};

export type PersonPage = {
  /** The cursor of the next page; absent after the last. */
  next?: string;
  /** The people, the one seen last first. */
  people: Person[];
  /** Up to where the page is complete. */
  watermark: Watermark;
};

export type Plan = {
  /** The plan, in the form in which it is set; absent when there is none. */
  plan?: TrackingPlan;
  /** When it was last changed. */
  updated_at?: string;
  /** One more after each change; also the ETag. 0 when there never was a plan. */
  version: number;
};

export type PlannedEvent = {
  /** The event's name, 1 to 512 bytes. */
  name: string;
  /** The properties that matter; others may be there too. A plan has at most 10,000 of 500 different keys. */
  properties?: PlannedProperty[];
};

export type PlannedProperty = {
  /** The property's key, or the name of a built-in one such as $app_version. */
  key: string;
  /** Every event must have it; null is as good as nothing. */
  required?: boolean;
  /** The type that values must have; a time is a text as well. Absent: any. */
  type?: "text" | "number" | "boolean" | "time" | "json";
  /** The texts or numbers that are allowed, at most 100 of at most 256 bytes, all of the type. Absent: any. */
  values?: unknown[];
};

export type Preview = {
  /** The first position that is shown ahead. Events between the watermark's position and this one are still to come. */
  from: number;
  /** When the server received the first of them. */
  since: string;
  /** The position after the last one that is shown ahead. */
  to: number;
  /** When the server received the newest of them. */
  until: string;
};

export type PreviewAnswer = {
  /** How many people are in it. */
  people: number;
  /** Up to where that holds. */
  watermark: Watermark;
};

export type PreviewRequest = {
  /** Who is in the cohort. */
  definition: CohortDefinition;
};

export type Problem = {
  /** A stable word for programs, in snake_case. */
  code: string;
  /** What is wrong, with the value and the limit, for people. */
  detail: string;
  /** The offending part of the request: a parameter or a dotted path in the body. */
  field?: string;
  /** The HTTP status. */
  status: number;
  /** The name of the HTTP status. */
  title: string;
  /** Always about:blank: what sort of problem it is stands in code. */
  type: string;
};

export type Profile = {
  /** There never was a user id. */
  anonymous: boolean;
  /** The anonymous id that was sent last. */
  anonymous_id?: string;
  /** Of the last event that has one. */
  app_version?: string;
  /** Of the last event that has one. */
  country?: string;
  /** How many events there are, of any kind. */
  events: number;
  /** When the first event happened. */
  first_seen?: string;
  /** The ids that lead to the person, the one sent last first, at most 1000. */
  identities: Identity[];
  /** How many ids there are. */
  identities_total: number;
  /** When the last event happened. */
  last_seen?: string;
  /** How often the person did what, the most frequent first, at most 100. */
  names: NameCount[];
  /** How many names of events there are. */
  names_total: number;
  /** Of the last event that has one. */
  os?: string;
  /** The number of the person, in decimal digits; GET /v1/events takes it. */
  person: string;
  /** How many sessions the person's own events make. */
  sessions: number;
  /** The latest traits. */
  traits?: unknown;
  /** The user id that was sent last. */
  user_id?: string;
  /** Up to where that holds. */
  watermark: Watermark;
};

export type Project = {
  /** When the project was made. */
  created_at: string;
  /** Events that the project may store in a month of UTC; further ones are refused. 0 is as many as come. */
  events_per_month: number;
  /** Events a second that the project may send, on average over 10 s; 0 is what the server is set to (limits.project_rate). */
  events_per_second: number;
  /** When events are taken again because a new month begins; absent unless the project has all that it may have. */
  full_until?: string;
  /** The project's number; never used again. */
  id: number;
  /** The lane that its events go, where there are several; absent for the first, 0. */
  lane?: number;
  /** The project's name. */
  name: string;
  /** Days that events are kept; 0 is for ever. */
  retention_days: number;
  /** Minutes of silence that end a session. */
  session_gap_minutes: number;
  /** The IANA time zone in which days and weeks are cut. */
  timezone: string;
  /** The day that weeks begin with. */
  week_start: "monday" | "sunday";
};

export type ProjectsAnswer = {
  /** All projects, by number. */
  projects: Project[];
};

export type PropertyRef = {
  /** Reads text as the number that all of it is, such as 12.50; what is none counts as not set. */
  as?: "number";
  /** For a person's property: its value now (default) or at the time of the event. */
  at?: "now" | "event";
  /** Whose property it is: the event's (default) or the person's. */
  of?: "event" | "person";
  /** One of the columns of GET /v1/schema ($country), or a property that the app gave. */
  property?: string;
};

export type PublicDashboardBody = {
  /** What it is for. */
  description: string;
  /** What the dashboard is called. */
  name: string;
  /** How long an answer stays the same; asking more often is of no use. */
  refresh_seconds: number;
  /** What is on it. */
  tiles: PublicTile[];
  /** The time zone in which days and weeks are cut. */
  timezone: string;
};

export type PublicTile = {
  /** How many rows it is high. */
  h: number;
  /** The tile's id. */
  id: string;
  /** Its words; a tile without any has an answer. */
  text?: string;
  /** What it is called; may be empty. */
  title: string;
  /** The picture; without one the usual of its kind. */
  view?: string;
  /** How many columns it is wide. */
  w: number;
  /** The column it begins in, from 0; there are 12. */
  x: number;
  /** The row it begins in, from 0. */
  y: number;
};

export type QueryProgress = {
  /** Milliseconds since the question arrived. */
  elapsed_ms: number;
  /** The part of the phase that is done, from 0 to 1; in reading that of the present statement; absent when it is not known. */
  fraction?: number;
  /** waiting (for what it is to count, or for its turn), reading (the store works on a statement) or grouping (what was read is put together by actor and followed). Reading may come back. */
  phase: string;
  /** How many rows the store has handed over so far. */
  rows: number;
  /** How many statements the store was given so far. */
  statements: number;
};

export type Range = {
  /** An ISO 8601 time, a date, -90min -24h -7d -2w -3m -1y, today, yesterday, this_week, last_week, this_month, last_month, this_year, last_year or all; default -30d. */
  from?: string;
  /** The first moment that is too late, in the same forms; default now, or the end of a word in from. */
  to?: string;
};

export type ReplayAnswer = {
  /** Nothing was changed. */
  dry_run: boolean;
  /** What became of each, newest first. */
  letters: ReplayedLetter[];
  /** There are older ones that were not tried. */
  more?: boolean;
  /** Give it as before to go on with the older ones. */
  next?: number;
  /** Given as consistent_with to a question, it makes all of them count. */
  position?: number;
  /** How many of them can be read now. */
  readable: number;
};

export type ReplayWish = {
  /** Only those with a lower position: next of the call before. */
  before?: number;
  /** All dead letters with this code, newest first, up to 1000 a call. Without it and without positions: all. */
  code?: string;
  /** Only tell what would become of them; true unless given. A real run needs an admin key. */
  dry_run?: boolean;
  /** The positions of the dead letters. */
  positions?: number[];
};

export type ReplayedLetter = {
  /** Why it is unreadable, for programs. */
  code?: string;
  /** readable would be taken, replayed was taken (once, however often it is tried), unreadable stays where it is, not_found is no dead letter of the project. */
  outcome: "readable" | "replayed" | "unreadable" | "not_found";
  /** The dead letter's position. */
  position: number;
  /** Why it is unreadable, for people. */
  reason?: string;
};

export type Retention = {
  /** The value of the start event counts (start, the default), or start and return event must have the same one (both). */
  attribution?: "start" | "both";
  /** Columns of several offsets, ascending; for the type brackets. */
  brackets?: RetentionBracket[];
  /** Up to three properties whose values have a table each. */
  breakdown?: Breakdown[];
  /** How many values have a table, 1 to 1000, default 25; the rest has one, $other. */
  breakdown_limit?: number;
  /** How offsets are counted: intervals of the calendar (default), elapsed time from the start event, or elapsed time between full hours. */
  clock?: "calendar" | "rolling" | "rolling_hour";
  /** Which start event counts: the first in the range (default), the first one ever if it is in the range, or the first of every interval. */
  cohort?: "first_in_range" | "first_time" | "recurring";
  /** How wide a cohort is, and the unit of offsets; default day. By a rolling clock a month has 30 days. */
  interval?: "hour" | "day" | "week" | "month";
  /** The kind of question: retention. */
  kind: "retention";
  /** The last offset, 1 to 366; default 24 hours, 14 days, 12 weeks or 12 months. */
  periods?: number;
  /** Whose rules fill in what the question leaves out: posthog, mixpanel or amplitude; default ours. */
  preset?: "posthog" | "mixpanel" | "amplitude";
  /** The time that is asked about; default the last 30 days. */
  range?: Range;
  /** The event that shows that somebody came back; default the start event. */
  return?: Selector;
  /** Whose the anonymous events of an id are that its app keeps when somebody signs out: of whoever signs in next, unless another user was active since, or of the last user; default next_user, or last_user for the preset amplitude. */
  signed_out?: "next_user" | "last_user";
  /** The event that puts somebody into a cohort. */
  start?: Selector;
  /** IANA time zone in which days, weeks and months are cut; default the project's. "device" in its place puts every event where the clock of its device stood, by $timezone; without one where the project's stood. */
  timezone?: string;
  /** Who counts at an offset: who came back at it (default), at it or later, or at any offset of a bracket. */
  type?: "on" | "on_or_after" | "brackets";
  /** The day that weeks begin with; default the project's. */
  week_start?: "sunday" | "monday" | "tuesday" | "wednesday" | "thursday" | "friday" | "saturday";
  /** A condition on start and return events. */
  where?: Filter;
  /** Who counts at offset 0: all of the cohort (default), or who returned after the start event. */
  zero?: "all" | "returned";
};

export type RetentionAnswer = {
  /** The answer was worked out before; nothing changed since. */
  cached: boolean;
  /** The offsets of the cells. */
  columns: RetentionBracket[];
  /** How wide a cohort is. */
  interval: string;
  /** The kind of the question. */
  kind: string;
  /** What was asked, with every default filled in. */
  question: Retention;
  /** The range as it was understood. */
  range: AnswerRange;
  /** One table, or one for each value of the breakdown, those with most people first. */
  tables: RetentionTable[];
  /** How long it took here, in milliseconds. */
  took_ms: number;
  /** The properties that the question reads as numbers, and how many values are none. */
  unparsed?: Unparsed[];
  /** Up to where the answer is complete. */
  watermark: Watermark;
};

export type RetentionBracket = {
  /** The first offset. */
  from: number;
  /** The last offset. */
  to: number;
};

export type RetentionCell = {
  /** How many came back; null for what lies in the future. */
  count: number | null;
  /** Their share of the cohort; null for a cohort of no one. */
  rate: number | null;
  /** complete, so_far (its time is not over for all of the cohort; with on_or_after its next offset, too) or future. */
  state: string;
};

export type RetentionCohort = {
  /** A cell a column. */
  cells: RetentionCell[];
  /** The interval is not over yet. */
  partial?: boolean;
  /** How many are in the cohort. */
  size: number;
  /** Where the interval of the cohort begins. */
  start: string;
};

export type RetentionMean = {
  /** How many came back, in the complete cells. */
  count: number;
  /** The one by the other. */
  rate: number | null;
  /** How many are in their cohorts. */
  size: number;
};

export type RetentionTable = {
  /** Each column over its complete cells; cohorts weigh what they have in people. */
  average: RetentionMean[];
  /** The value of each property; $none is a missing one, $other all the rest. */
  breakdown?: unknown[];
  /** The cohorts, the oldest first. */
  cohorts: RetentionCohort[];
  /** How many are in any of the cohorts. */
  people: number;
};

export type SDKDuplicates = {
  /** By hour or day of receipt, those that have duplicates. */
  buckets: DuplicateBucket[];
  /** How many duplicates it sent. */
  duplicates: number;
  /** The SDK's name, empty where it did not say one; $other are versions beyond the first 50 of an hour, $untold was counted before SDKs were told apart. */
  library: string;
  /** The SDK's version. */
  library_version: string;
};

export type Schema = {
  /** The properties that every project has. */
  columns: SchemaColumn[];
  /** The names of events, the most frequent first, at most 5000. */
  events: SchemaEvent[];
  /** The properties of events. */
  properties: SchemaProperty[];
  /** How many properties may have a column of their own; others are slower to ask about. */
  property_limit: number;
  /** The properties of people, as they are now. */
  traits: SchemaTrait[];
  /** Up to where it is complete. */
  watermark: Watermark;
};

export type SchemaColumn = {
  /** What it is. */
  description: string;
  /** The name that questions use. */
  name: string;
  /** The type of its values. */
  type: string;
};

export type SchemaEvent = {
  /** How many there are. */
  count: number;
  /** What it means, as somebody described it. */
  description?: string;
  /** When it happened first. */
  first_seen: string;
  /** When it happened last. */
  last_seen: string;
  /** The event's name. */
  name: string;
  /** The version of description and owner, also the ETag; absent when nothing is said. */
  note_version?: number;
  /** The person or team that answers for it. */
  owner?: string;
};

export type SchemaProperty = {
  /** Only the newest events were counted. */
  approximate?: boolean;
  /** It has a column of its own. */
  column: boolean;
  /** How many events have it. */
  count: number;
  /** What it means, as somebody described it. */
  description?: string;
  /** When it was seen first. */
  first_seen?: string;
  /** The property's name. */
  key: string;
  /** When it was seen last. */
  last_seen?: string;
  /** The version of description and owner, also the ETag; absent when nothing is said. */
  note_version?: number;
  /** The person or team that answers for it. */
  owner?: string;
  /** The types of its values: text, number, boolean, time, json. */
  types: string[];
};

export type SchemaTrait = {
  /** Only the newest 20,000 changes of traits were looked at for types, people and values. */
  approximate?: boolean;
  /** When an event first set it, or set it once, to anything but null. */
  first_seen?: string;
  /** The trait's name. */
  key: string;
  /** When an event last did. */
  last_seen?: string;
  /** How many people have it. */
  people: number;
  /** Only the project's newest events were looked at for first_seen and last_seen, as for properties. */
  seen_approximate?: boolean;
  /** The types of the values that people have: text, number, boolean, time, json. */
  types: string[];
  /** The most frequent values, at most 8; none of nested ones and of long ones. */
  values: TraitValue[];
};

export type Selector = {
  /** Names of events, any of which is meant; none means all events. */
  events?: string[];
  /** A condition on the event. */
  where?: Filter;
};

export type SentAnswer = {
  /** Events that were taken. They are on disk. */
  accepted: number;
  /** Given as consistent_with to a question, it makes all of them count. */
  position: number;
  /** Events that were set aside as dead letters. */
  rejected: number;
  /** What became of each, in order. */
  results: SentResult[];
};

export type SentEvent = {
  /** The installation, before the app knows who it is. */
  anonymous_id?: string;
  /** Device, app, page and campaign, nested as in Segment's format. */
  context?: Record<string, unknown>;
  /** What happened, in the app's words. */
  event: string;
  /** The group that the person belongs to. */
  group_id?: string;
  /** Makes sending it again harmless; without one it is made from the content. */
  id?: string;
  /** What sort of event it is; default track. */
  kind?: "track" | "page" | "screen" | "identify" | "group" | "alias";
  /** For alias: the id that becomes user_id. */
  previous_id?: string;
  /** What there is to say of the event. */
  properties?: Record<string, unknown>;
  /** When it was sent by the device's clock, which corrects timestamp. */
  sent_at?: string;
  /** The session, if the app keeps count. */
  session_id?: string;
  /** When it happened by the device's clock; default now. */
  timestamp?: string;
  /** Traits that are not just set, by operation: set_once, add, append, prepend, union, remove, unset, multiply, max, min, prepend_new, clear. */
  trait_ops?: Record<string, unknown>;
  /** For identify and group: what there is to say of the person or group. */
  traits?: Record<string, unknown>;
  /** Who it was, once the app knows. This or anonymous_id is needed. */
  user_id?: string;
};

export type SentResult = {
  /** Why it was rejected, for programs. */
  code?: string;
  /** The event's place in the request. */
  index: number;
  /** Why it was rejected, for people. */
  reason?: string;
  /** What became of it. */
  status: "accepted" | "rejected";
};

export type Series = {
  /** How the events are counted or measured; default total. */
  aggregate?: "total" | "unique" | "dau" | "wau" | "mau" | "sessions" | "per_user" | "sum" | "avg" | "min" | "max" | "median" | "p75" | "p90" | "p95" | "p99" | "first_time" | "distinct";
  /** Reads text as the number that all of it is, such as 12.50; what is none counts as not set. */
  as?: "number";
  /** For wau and mau: the last 7 or 30 days (rolling, the default), or the days of the week or month so far (calendar). */
  clock?: "rolling" | "calendar";
  /** Names of events, any of which counts; none means all events. */
  events?: string[];
  /** A letter that formulas refer to; default the next one. */
  id?: string;
  /** What is shown; default the names of the events. */
  label?: string;
  /** The property that sum to p99 and distinct are of. */
  property?: string;
  /** A condition on this series. */
  where?: Filter;
};

export type ServerStatus = {
  /** Milliseconds from receipt to visibility, of recent events. */
  freshness_ms: FreshnessStatus;
  /** What was acknowledged and is not visible yet. */
  lag: LagStatus;
  /** How each lane is, where there are several; then watermark, lag, freshness, log and store are of the project's own. */
  lanes?: LaneStatus[];
  /** What the event log holds. */
  log: LogStatus;
  /** What the store holds. */
  store: StoreStatus;
  /** Since when it runs. */
  uptime_seconds: number;
  /** The server's version. */
  version: string;
  /** The position before which every event is visible, and when the newest of them was received. */
  watermark: Watermark;
};

export type SessionCount = {
  /** The fewest events that count. */
  at_least?: number;
  /** The most. */
  at_most?: number;
};

export type SessionLength = {
  /** The shortest that counts, such as 10s. */
  at_least?: string;
  /** The longest that counts. */
  at_most?: string;
};

export type SessionMeasure = {
  /** Reads text as the number that all of it is, such as 12.50; what is none counts as not set. */
  as?: "number";
  /** Names of events, any of which is measured; none means all that bear sessions. */
  events?: string[];
  /** What is shown; default the property, or the names of the events. */
  label?: string;
  /** A property whose numbers are added up in each session; without it the events are counted. */
  property?: string;
  /** A condition on these events. */
  where?: Filter;
};

export type SessionMeasured = {
  /** Of one session; one without such an event has 0. */
  average: number | null;
  /** The median of it. */
  median: number | null;
  /** What nine of ten sessions do not exceed. */
  p90: number | null;
  /** How many sessions have an event that is measured. */
  sessions: number;
  /** Of all sessions together. */
  total: number | null;
};

export type Sessions = {
  /** Whether the value of a session is that of its first event (the default) or its last. */
  attribution?: "first_event" | "last_event";
  /** The longest pause after an event by which the app went into the background; default the gap, at most 24h. */
  background?: string;
  /** Up to three properties whose values split the sessions. */
  breakdown?: Breakdown[];
  /** How many values are shown, 1 to 1000, default 25; the rest is one more, $other. */
  breakdown_limit?: number;
  /** What makes a session: a sane id of the client, or else the gap (client, the default); or the gap alone. */
  by?: "client" | "gap";
  /** How long the sessions last that count. */
  duration?: SessionLength;
  /** How many events the sessions have that count. */
  event_count?: SessionCount;
  /** The longest pause within a session of events without an id; default the project's, at most 24h. */
  gap?: string;
  /** An event that a session must hold to count; default any. */
  holding?: Selector;
  /** How wide a bucket is; default day. */
  interval?: "minute" | "hour" | "day" | "week" | "month";
  /** The kind of question: sessions. */
  kind: "sessions";
  /** More numbers of every session, up to five. */
  measures?: SessionMeasure[];
  /** Whether a session continues over midnight (the default) or is cut there. */
  midnight?: "continue" | "cut";
  /** Whose rules fill in what the question leaves out: posthog, mixpanel or amplitude; default ours. */
  preset?: "posthog" | "mixpanel" | "amplitude";
  /** The time in which sessions begin; default the last 30 days. */
  range?: Range;
  /** The numbers by bucket (trend, the default), or besides how many sessions last how long (duration). */
  show?: "trend" | "duration";
  /** Whose the anonymous events of an id are that its app keeps when somebody signs out: of whoever signs in next, unless another user was active since, or of the last user; default next_user, or last_user for the preset amplitude. */
  signed_out?: "next_user" | "last_user";
  /** IANA time zone in which days, weeks and months are cut; default the project's. "device" in its place puts every event where the clock of its device stood, by $timezone; without one where the project's stood. */
  timezone?: string;
  /** The day that weeks begin with; default the project's. */
  week_start?: "sunday" | "monday" | "tuesday" | "wednesday" | "thursday" | "friday" | "saturday";
  /** A condition on that event. */
  where?: Filter;
};

export type SessionsAnswer = {
  /** The buckets, the oldest first. */
  buckets: Bucket[];
  /** The answer was worked out before; nothing changed since. */
  cached: boolean;
  /** One group a value of the breakdown, those with most sessions first; or a single one. */
  groups: SessionsGroup[];
  /** How wide a bucket is. */
  interval: string;
  /** The kind of the question. */
  kind: string;
  /** What was asked, with every default filled in. */
  question: Sessions;
  /** The range as it was understood. */
  range: AnswerRange;
  /** How long it took here, in milliseconds. */
  took_ms: number;
  /** The properties that the question reads as numbers, and how many values are none. */
  unparsed?: Unparsed[];
  /** Up to where the answer is complete. */
  watermark: Watermark;
};

export type SessionsGroup = {
  /** The value of each property; $none is a missing one, $other all the rest. */
  breakdown?: unknown[];
  /** The sessions that begin in each bucket. */
  buckets: SessionsNumbers[];
  /** With show duration: groups of equal width from the shortest to the longest session of the range. */
  histogram?: FunnelBin[];
  /** The sessions of the range. */
  total: SessionsNumbers;
};

export type SessionsNumbers = {
  /** The mean time from the first to the last event. */
  average_seconds: number | null;
  /** bounces / sessions. */
  bounce_rate: number | null;
  /** How many have a single event. */
  bounces: number;
  /** How many events a session has, of those that bear sessions. */
  events_per_session: number | null;
  /** The numbers of each measure, in the order of the question. */
  measures?: SessionMeasured[];
  /** The median of it. */
  median_seconds: number | null;
  /** The time that nine of ten sessions do not exceed. */
  p90_seconds: number | null;
  /** How many there are. */
  sessions: number;
};

export type Settings = {
  /** Events that the project may store in a month of UTC; some seconds after it has as many, further ones get 429 project_quota until the next month. A change is in effect at once. 0, as in a new project, is as many as come. */
  events_per_month?: number;
  /** Events a second that the project may send, on average over 10 s; past it 429 with Retry-After. It is in effect at once. 0, as in a new project, is what the server is set to. */
  events_per_second?: number;
  /** 1 to 100 characters, unique. Needed to make a project. */
  name?: string;
  /** Days that events are kept; 0, as in a new project, is for ever. */
  retention_days?: number;
  /** Minutes of silence that end a session; a new project has 30. */
  session_gap_minutes?: number;
  /** IANA time zone; a new project has UTC. */
  timezone?: string;
  /** The day that weeks begin with; a new project has monday. */
  week_start?: "monday" | "sunday";
};

export type Stickiness = {
  /** The event that makes somebody active. */
  active?: Selector;
  /** Splits people by values of their first active event in the range; for a ratio, in the days before it as well. */
  breakdown?: Breakdown[];
  /** How many values have a group, 1 to 1000, default 25; the rest is one, $other. */
  breakdown_limit?: number;
  /** What a day of a ratio is compared with: the last 7 or 30 (default) days, itself included. */
  days?: number;
  /** What is counted; default day. */
  interval?: "hour" | "day" | "week" | "month";
  /** The kind of question: stickiness. */
  kind: "stickiness";
  /** Who counts: active in exactly k intervals (exact, the default), in k or more (cumulative); or on a day against the days before (ratio). */
  mode?: "exact" | "cumulative" | "ratio";
  /** Whose rules fill in what the question leaves out: posthog, mixpanel or amplitude; default ours. */
  preset?: "posthog" | "mixpanel" | "amplitude";
  /** The time that is asked about; default the last 30 days. */
  range?: Range;
  /** Whose the anonymous events of an id are that its app keeps when somebody signs out: of whoever signs in next, unless another user was active since, or of the last user; default next_user, or last_user for the preset amplitude. */
  signed_out?: "next_user" | "last_user";
  /** How many such events make somebody active in an interval, 1 to 1000; default 1. */
  times?: number;
  /** IANA time zone in which days, weeks and months are cut; default the project's. "device" in its place puts every event where the clock of its device stood, by $timezone; without one where the project's stood. */
  timezone?: string;
  /** The day that weeks begin with; default the project's. */
  week_start?: "sunday" | "monday" | "tuesday" | "wednesday" | "thursday" | "friday" | "saturday";
  /** A condition on the active event. */
  where?: Filter;
  /** Counts each week or month (of hours: day) for itself; default the whole range. */
  window?: "day" | "week" | "month";
};

export type StickinessAnswer = {
  /** The answer was worked out before; nothing changed since. */
  cached: boolean;
  /** The days of a ratio. */
  days?: StickinessDay[];
  /** One for each value of the breakdown, most people first. They add up to those of everybody. */
  groups?: StickinessGroup[];
  /** What is counted. */
  interval: string;
  /** The kind of the question. */
  kind: string;
  /** What was asked, with every default filled in. */
  question: Stickiness;
  /** The range as it was understood. */
  range: AnswerRange;
  /** How long it took here, in milliseconds. */
  took_ms: number;
  /** The properties that the question reads as numbers, and how many values are none. */
  unparsed?: Unparsed[];
  /** Up to where the answer is complete. */
  watermark: Watermark;
  /** One entry a window, or one for the range. */
  windows?: StickinessWindow[];
};

export type StickinessDay = {
  /** How many are active on the day. */
  day: number;
  /** The day is not over yet. */
  partial?: boolean;
  /** The one by the other. */
  ratio: number | null;
  /** How many are active in the days that end with it. */
  span: number;
  /** Where the day begins. */
  start: string;
};

export type StickinessGroup = {
  /** The values; $none where there is none, $other for all that are not shown. */
  breakdown: unknown[];
  /** The days of a ratio. */
  days?: StickinessDay[];
  /** How many are active in the range; for a ratio, in the days before it as well. */
  people: number;
  /** One entry a window, or one for the range. */
  windows?: StickinessWindow[];
};

export type StickinessWindow = {
  /** For k from 1: how many are active in exactly k intervals, or in k or more. */
  counts: number[];
  /** How many of its intervals are in the range. */
  intervals: number;
  /** The window is not over, or not all in the range. */
  partial?: boolean;
  /** How many are active in any of them. */
  people: number;
  /** Their shares of people. */
  rates: (number | null)[];
  /** Where the window begins. */
  start: string;
};

export type StoreStatus = {
  /** Days on disk that an earlier version wrote and that are yet to be rewritten in the layout of this one. Answers do not depend on it. */
  former_days: number;
  /** Rows that are in memory only; the log has them too. */
  hot_rows: number;
};

export type Tile = {
  /** How many rows it is high, at most 24. */
  h: number;
  /** 1 to 20 letters and digits, unique on the dashboard. */
  id: string;
  /** The id of the saved question it shows. */
  insight?: string;
  /** A question of its own, of any kind as for POST /v1/query. */
  question?: unknown;
  /** Words in place of a question, at most 4,000 characters: paragraphs, # headings, - lists, **strong**, *emphasis*, code and links. */
  text?: string;
  /** At most 100 characters; without one an insight has its own name. */
  title?: string;
  /** The picture, as in the view of an address of the page; without one the usual of its kind. */
  view?: string;
  /** How many columns it is wide. */
  w: number;
  /** The column it begins in, from 0; there are 12. */
  x: number;
  /** The row it begins in, from 0. */
  y: number;
};

export type TrackingPlan = {
  /** The events that are expected, at most 1000, each with a name of its own. */
  events: PlannedEvent[];
};

export type TraitValue = {
  /** How many people have it. */
  people: number;
  /** A text, a number or a boolean. */
  value: unknown;
};

export type Trends = {
  /** Up to three properties whose values split every series. */
  breakdown?: Breakdown[];
  /** How many values a series is split into, 1 to 1000, default 25; the rest is one line, $other. */
  breakdown_limit?: number;
  /** Adds the values of the period before, or of the same dates a year before. */
  compare?: "previous" | "year";
  /** Each value is that of the range up to the end of its bucket; people who come back count once. */
  cumulative?: boolean;
  /** Lines that are computed from others, bucket by bucket. */
  formulas?: Formula[];
  /** How wide a bucket is; default day. */
  interval?: "minute" | "hour" | "day" | "week" | "month";
  /** The kind of question. */
  kind?: "trends";
  /** The time that is asked about; default the last 30 days. */
  range?: Range;
  /** Each value is the mean of so many buckets up to it, 2 to 366. */
  rolling?: number;
  /** The lines: which events, and what of them. */
  series: Series[];
  /** Whose the anonymous events of an id are that its app keeps when somebody signs out: of whoever signs in next, unless another user was active since, or of the last user; default next_user. */
  signed_out?: "next_user" | "last_user";
  /** IANA time zone in which days, weeks and months are cut; default the project's. "device" in its place puts every event where the clock of its device stood, by $timezone; without one where the project's stood. */
  timezone?: string;
  /** A condition on every series. */
  where?: Filter;
};

export type UnknownCohort = {
  /** The cohort's number. */
  id: string;
  /** What it is called. */
  name: string;
  /** What is wrong with its definition. */
  reason: string;
};

export type UnlinkAnswer = {
  /** The number that its person had before. The others may have got another one. */
  from: string;
  /** The number of the person that the id is from now on, by itself. */
  person: string;
  /** Given as consistent_with to a question, it makes the unlink count. */
  position?: number;
  /** Whether there was anything to do: false for an id that is linked to nobody. */
  unlinked: boolean;
};

export type UnlinkWish = {
  /** The id, as the app sent it. */
  id: string;
  /** Which sort of id it is. */
  kind: "user" | "anonymous" | "device";
};

export type Unparsed = {
  /** What it is read as. */
  as?: "number";
  /** For a person's property: which of its values. */
  at?: "now" | "event";
  /** How many events of the range have a value that is none, which counts as not set. */
  events: number;
  /** Whose property it is. */
  of?: "event" | "person";
  /** A property that the question reads as a number. */
  property?: string;
};

export type Violation = {
  /** How many events there are. */
  count: number;
  /** The event's name. */
  event: string;
  /** When the last of them happened. */
  last_seen: string;
  /** The SDK that sent it, empty where it did not say. */
  library: string;
  /** The SDK's version. */
  library_version: string;
  /** The property; absent for an event that is not expected. */
  property?: string;
  /** Why it is not as planned. */
  reason: "unexpected_event" | "missing_property" | "wrong_type" | "value_not_allowed";
  /** The id of that one. */
  sample: string;
};

export type Violations = {
  /** How many events were judged. */
  events: number;
  /** How many more there are. */
  omitted: number;
  /** How long it took, in milliseconds. */
  took_ms: number;
  /** How many of them are not as planned. */
  violating: number;
  /** What is not as planned, the most frequent first, at most 1000. */
  violations: Violation[];
  /** Up to where it is complete. */
  watermark: Watermark;
};

export type Watermark = {
  /** Every event before this position is visible. */
  position: number;
  /** The newest events, shown ahead of others that are still to come: only while the server catches up. */
  preview?: Preview;
  /** When the newest of them was received. */
  time: string;
};
