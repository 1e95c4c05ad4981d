import { expect, it } from 'vitest';
import { between, quantile } from './operations';
import type { OperationsAnswer, OperationsBuckets } from './openapi';

const acks = (...counts: number[]): OperationsBuckets => ({
  count: counts.at(-1) ?? 0, sum_seconds: 0, buckets: counts.map((count, i) => ({ seconds: 2 ** i / 1000, count })),
});
const look = (at: number, uptime: number, accepted: number, a: OperationsBuckets) =>
  ({
    time: new Date(at * 1000).toISOString(), status: { uptime_seconds: uptime }, accepted, acks: a, questions: acks(), cpu_seconds: at / 2,
  }) as unknown as OperationsAnswer;

it('finds quantiles within buckets', () => {
  expect(quantile(acks(), 0.5)).toBeNull();
  expect(quantile(acks(10), 0.5)).toBeCloseTo(0.0005);
  expect(quantile(acks(0, 10), 0.5)).toBeCloseTo(0.0015);
  expect(quantile(acks(5, 5, 10), 0.99)).toBeCloseTo(0.00396);
  // What is past the last bucket took at least as long as that.
  expect(quantile({ ...acks(1, 1), count: 10 }, 0.99)).toBeCloseTo(0.002);
});

it('tells what happened between two looks, and nothing across a start', () => {
  const sample = between(look(100, 50, 1000, acks(10, 20)), look(102, 52, 3000, acks(10, 30)));
  expect(sample).toMatchObject({ accepted: 1000, answered: 0, cores: 0.5, answer: [null, null] });
  expect(sample!.ack[0]).toBeCloseTo(0.0015);
  expect(between(look(100, 50, 1000, acks(1)), look(102, 1, 10, acks(1)))).toBeUndefined();
  expect(between(look(100, 50, 1000, acks(1)), look(100, 50, 1000, acks(1)))).toBeUndefined();
});
