import { expect, it } from 'vitest';
import { Formats } from '../format';
import type { SessionsAnswer } from './answers';
import { behindTable } from './rows';
import { behindPoint, behindTotal } from './cells';
import { blank, newMeasure } from './form';
import { viewsOf } from './measures';
import { pictureOf } from './picture';
import { tableOf } from './tables';

const formats = new Formats('UTC', 'en-GB');
const numbers = (total: number) => ({
  sessions: 4, bounces: 1, bounce_rate: 0.25, average_seconds: 9, median_seconds: 8, p90_seconds: 20, events_per_session: 3,
  measures: [total, total * 10].map((n) => ({ sessions: 2, total: n, average: n / 4, median: 0, p90: n })),
});
const start = '2026-01-01T00:00:00Z';
const answer = {
  kind: 'sessions', interval: 'day', buckets: [{ start, partial: false }], groups: [{ total: numbers(12), buckets: [numbers(8)] }],
  question: { kind: 'sessions', measures: [{ label: 'revenue' }, { label: 'views' }] },
} as unknown as SessionsAnswer;

it('has a picture for each measure, called as the server calls it', () => {
  const form = blank('sessions');
  form.measures = [
    { ...newMeasure(), label: 'Revenue' }, { ...newMeasure(), property: 'number:price' }, { ...newMeasure(), events: ['a', 'b'] }, newMeasure(),
  ];
  expect(viewsOf(form).slice(-5)).toEqual([
    { value: 'table', label: 'Table' },
    { value: 'measure1', label: 'Revenue a session' }, { value: 'measure2', label: 'price a session' },
    { value: 'measure3', label: 'a, b a session' }, { value: 'measure4', label: 'All events a session' },
  ]);
});

it('draws what a session has of a measure', () => {
  const drawn = (view: string) => {
    const picture = pictureOf(answer, view, formats);
    return picture.type === 'chart' ? picture.drawing.rows[0] : undefined;
  };
  expect(drawn('measure2')).toEqual({ name: 'views a session', values: [20], total: 30 });
  expect(drawn('measure3')).toEqual({ name: 'Sessions', values: [4], total: 4 });
});

it('has the people behind what a measure comes to, and behind its line', () => {
  const cell = { measure: 1 };
  expect(behindTotal(answer, 0, formats, { view: 'measure2' })).toEqual({ cell, title: 'Sessions with views' });
  expect(behindPoint(answer, 0, 0, formats, { view: 'measure2' })?.cell).toEqual({ bucket: start, ...cell });
  const { columns } = tableOf(answer, formats);
  const behind = columns.map((_, i) => behindTable(answer, 0, i, formats)?.cell);
  expect(columns.flatMap(({ name }, i) => (behind[i] ? [[name, behind[i]]] : []))).toEqual([
    ['Sessions', { bucket: start }], ['Bounce rate', { bucket: start, bounced: true }], ['revenue', { bucket: start, measure: 0 }], ['views', { bucket: start, ...cell }],
  ]);
});
