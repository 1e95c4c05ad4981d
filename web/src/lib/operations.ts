// What happened between two looks at a server, by what it has counted since its start.
import type { OperationsAnswer, OperationsBuckets } from './openapi';

export type Sample = {
  time: string;
  /** Events acknowledged a second. */
  accepted: number;
  /** Questions answered a second. */
  answered: number;
  /** Seconds until half, and 99 in 100, of the acknowledgements; null when there were none. */
  ack: [number | null, number | null];
  answer: [number | null, number | null];
  /** Cores in use. */
  cores: number;
};

/** How many samples are kept: ten minutes of one every two seconds. */
export const keptSamples = 300;

/** What happened since a look before; nothing when the server was started anew meanwhile. */
export function between(before: OperationsAnswer, now: OperationsAnswer): Sample | undefined {
  const seconds = (Date.parse(now.time) - Date.parse(before.time)) / 1000;
  if (seconds <= 0 || now.status.uptime_seconds < before.status.uptime_seconds) return undefined;
  const acks = difference(before.acks, now.acks);
  const questions = difference(before.questions, now.questions);
  return {
    time: now.time,
    accepted: (now.accepted - before.accepted) / seconds,
    answered: questions.count / seconds,
    ack: [quantile(acks, 0.5), quantile(acks, 0.99)],
    answer: [quantile(questions, 0.5), quantile(questions, 0.99)],
    cores: (now.cpu_seconds - before.cpu_seconds) / seconds,
  };
}

function difference(before: OperationsBuckets, now: OperationsBuckets): OperationsBuckets {
  return {
    count: now.count - before.count,
    sum_seconds: now.sum_seconds - before.sum_seconds,
    buckets: now.buckets.map((b, i) => ({ seconds: b.seconds, count: b.count - (before.buckets[i]?.count ?? 0) })),
  };
}

/** The time within which a share of a histogram was done, in seconds, within its bucket by the straight line. */
export function quantile(h: OperationsBuckets, share: number): number | null {
  if (h.count === 0) return null;
  const wanted = share * h.count;
  let [low, under] = [0, 0];
  for (const b of h.buckets) {
    if (b.count >= wanted && b.count > under) return low + ((b.seconds - low) * (wanted - under)) / (b.count - under);
    [low, under] = [b.seconds, b.count];
  }
  return low;
}
