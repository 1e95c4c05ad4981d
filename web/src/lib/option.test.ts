import { expect, it } from 'vitest';
import type { Drawing } from './draw';
import type { LifecycleAnswer, TrendsAnswer } from './explore/answers';
import { pictureOf } from './explore/picture';
import { Formats } from './format';
import { option } from './option';

const formats = new Formats('UTC', 'en');
const colours = { series: ['#000'], text: '', muted: '', line: '', surface: '', font: '' };
const bucket = { start: '2026-01-01T00:00:00Z' };

/** What the axis says at a height. */
function axis(drawing: Drawing, height: number): string {
  const { yAxis } = option(drawing, colours, formats) as { yAxis: { axisLabel: { formatter: (value: number) => string } } };
  return yAxis.axisLabel.formatter(height);
}

function drawingOf(answer: TrendsAnswer | LifecycleAnswer, view: string): Drawing {
  const picture = pictureOf(answer, view, formats);
  if (picture.type !== 'chart') throw new Error(picture.type);
  return picture.drawing;
}

it('tells a sum below nothing as it is, and who stays away as how many', () => {
  const refunds = {
    kind: 'trends', interval: 'day', buckets: [bucket], question: { series: [{ aggregate: 'sum' }], breakdown: [{ property: 'shop' }] },
    series: [{ id: 'A', label: 'a', breakdown: ['x'], values: [-5], total: -5 }, { id: 'A', label: 'a', breakdown: ['y'], values: [2], total: 2 }],
  } as unknown as TrendsAnswer;
  const bars = drawingOf(refunds, 'bar');
  expect([bars.stacked, axis(bars, -5)]).toEqual([true, formats.compact(-5)]);
  const lifecycle = { kind: 'lifecycle', interval: 'day', question: {}, buckets: [{ ...bucket, active: 6, new: 1, returning: 2, resurrecting: 3, dormant: 5, pulse: 1 }] } as unknown as LifecycleAnswer;
  const people = drawingOf(lifecycle, '');
  expect([people.rows[3]!.values[0], axis(people, -5)]).toEqual([-5, formats.compact(5)]);
});
