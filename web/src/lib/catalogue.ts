// What a question can be made of. The server checks every question; this is only what the form offers.

export type Choice = { value: string; label: string };

export const aggregates: (Choice & { property?: 'number' | 'any' })[] = [
  { value: 'total', label: 'Number of events' },
  { value: 'unique', label: 'People' },
  { value: 'dau', label: 'Daily active people' },
  { value: 'wau', label: 'Weekly active people' },
  { value: 'mau', label: 'Monthly active people' },
  { value: 'sessions', label: 'Sessions' },
  { value: 'per_user', label: 'Events per person' },
  { value: 'first_time', label: 'People, for the first time' },
  { value: 'sum', label: 'Sum of', property: 'number' },
  { value: 'avg', label: 'Average of', property: 'number' },
  { value: 'min', label: 'Smallest', property: 'number' },
  { value: 'max', label: 'Largest', property: 'number' },
  { value: 'median', label: 'Median of', property: 'number' },
  { value: 'p75', label: '75th percentile of', property: 'number' },
  { value: 'p90', label: '90th percentile of', property: 'number' },
  { value: 'p95', label: '95th percentile of', property: 'number' },
  { value: 'p99', label: '99th percentile of', property: 'number' },
  { value: 'distinct', label: 'Distinct values of', property: 'any' },
];

/** Whether the values of parts may be added up, so that bars can be stacked. */
export function additive(aggregate: string): boolean {
  return aggregate === 'total' || aggregate === 'sum';
}

export function needsProperty(aggregate: string): 'number' | 'any' | undefined {
  return aggregates.find((a) => a.value === aggregate)?.property;
}

export const ranges: Choice[] = [
  { value: '-60min', label: 'Last 60 minutes' },
  { value: '-24h', label: 'Last 24 hours' },
  { value: 'today', label: 'Today' },
  { value: 'yesterday', label: 'Yesterday' },
  { value: '-7d', label: 'Last 7 days' },
  { value: '-30d', label: 'Last 30 days' },
  { value: '-90d', label: 'Last 90 days' },
  { value: 'this_month', label: 'This month' },
  { value: 'last_month', label: 'Last month' },
  { value: '-12m', label: 'Last 12 months' },
  { value: 'all', label: 'Everything' },
];

export const intervals: Choice[] = [
  { value: '', label: 'Automatic' },
  { value: 'minute', label: 'Minute' },
  { value: 'hour', label: 'Hour' },
  { value: 'day', label: 'Day' },
  { value: 'week', label: 'Week' },
  { value: 'month', label: 'Month' },
];

export const comparisons: Choice[] = [
  { value: '', label: 'Nothing' },
  { value: 'previous', label: 'Previous period' },
  { value: 'year', label: 'A year before' },
];

type Op = Choice & { takes: 'one' | 'list' | 'none' };

export const ops: Op[] = [
  { value: 'is', label: 'is', takes: 'one' },
  { value: 'is_not', label: 'is not', takes: 'one' },
  { value: 'in', label: 'is one of', takes: 'list' },
  { value: 'not_in', label: 'is none of', takes: 'list' },
  { value: 'contains', label: 'contains', takes: 'one' },
  { value: 'not_contains', label: 'does not contain', takes: 'one' },
  { value: 'starts_with', label: 'starts with', takes: 'one' },
  { value: 'ends_with', label: 'ends with', takes: 'one' },
  { value: 'regex', label: 'matches', takes: 'one' },
  { value: 'gt', label: 'is greater than', takes: 'one' },
  { value: 'gte', label: 'is at least', takes: 'one' },
  { value: 'lt', label: 'is less than', takes: 'one' },
  { value: 'lte', label: 'is at most', takes: 'one' },
  { value: 'between', label: 'is between', takes: 'list' },
  { value: 'before', label: 'is before', takes: 'one' },
  { value: 'after', label: 'is after', takes: 'one' },
  { value: 'is_set', label: 'is set', takes: 'none' },
  { value: 'is_not_set', label: 'is not set', takes: 'none' },
];

export function takes(op: string): 'one' | 'list' | 'none' {
  return ops.find((o) => o.value === op)?.takes ?? 'one';
}
