import { expect, it } from 'vitest';
import { blank, change, newMeasure, newSeries, newStep, type Form } from './form';
import { difference } from './difference';

const changed = (form: Form, by: (form: Form) => void): Form => {
  const next = structuredClone(form);
  by(next);
  return next;
};
const trends = blank('trends');
const funnel = changed(blank('funnel'), (f) => (f.steps = ['a', 'b'].map((name) => ({ ...newStep(), events: [name] }))));

it.each<[string, Form, Form]>([
  ['event of series', trends, changed(trends, (f) => f.series[0]!.events.push('buy'))],
  ['number shown of series', trends, changed(trends, (f) => (f.series[0]!.aggregate = 'unique'))],
  ['series added', trends, changed(trends, (f) => f.series.push(newSeries()))],
  ['breakdown added', trends, changed(trends, (f) => f.splits.push({ property: 'plan', groups: '' }))],
  ['filter for all', trends, changed(trends, (f) => f.where.rows.push({ property: 'plan', op: 'is', value: 'pro' }))],
  ['range', trends, changed(trends, (f) => (f.range = '-30d'))],
  ['interval', trends, changed(trends, (f) => (f.options.interval = 'week'))],
  ['option: Mean of so many intervals', trends, changed(trends, (f) => (f.options.rolling = '7'))],
  ['picture', trends, changed(trends, (f) => (f.view = 'bar'))],
  ['kind: Funnel', trends, change(trends, 'funnel')],
  ['step moved', funnel, changed(funnel, (f) => f.steps.reverse())],
  ['step removed', funnel, changed(funnel, (f) => f.steps.pop())],
  ['window of step 2', funnel, changed(funnel, (f) => (f.steps[1]!.window = '1d'))],
  ['option: Event that may be in between', funnel, changed(funnel, (f) => f.lists.ignore!.push('x'))],
  ['name of step 2', funnel, changed(funnel, (f) => (f.steps[1]!.label = 'B'))],
  ['measure added', blank('sessions'), changed(blank('sessions'), (f) => f.measures.push(newMeasure()))],
  ['event: People who did', blank('retention'), changed(blank('retention'), (f) => f.selections.start!.events.push('buy'))],
])('calls it %s', (name, a, b) => {
  expect(difference(a, b)).toBe(name);
});
