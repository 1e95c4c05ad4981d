import { expect, it } from 'vitest';
import { blank, change, newSeries, newStep, type Form } from './form';
import { difference, Undo } from './undo';

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
  ['event: People who did', blank('retention'), changed(blank('retention'), (f) => f.selections.start!.events.push('buy'))],
])('calls it %s', (name, a, b) => {
  expect(difference(a, b)).toBe(name);
});

it('goes back and forth, and forgets what was undone when something else is done', () => {
  const undo = new Undo();
  const forms = ['-7d', '-30d', '-90d'].map((range) => changed(trends, (f) => (f.range = range)));
  for (const form of forms) undo.note(form, form.range);
  undo.note(forms[2]!, '-90d');
  expect([undo.undoes, undo.redoes]).toEqual(['range', '']);
  expect(undo.undo()?.range).toBe('-30d');
  expect(undo.undo()?.range).toBe('-7d');
  expect([undo.undo(), undo.undoes, undo.redoes]).toEqual([undefined, '', 'range']);
  expect(undo.redo()?.range).toBe('-30d');
  undo.note(changed(trends, (f) => f.series.push(newSeries())), 'other');
  expect([undo.redo(), undo.redoes, undo.undo()?.range]).toEqual([undefined, '', '-30d']);
});

it('keeps a hundred changes', () => {
  const undo = new Undo();
  for (let i = 0; i <= 300; i++) undo.note(changed(trends, (f) => (f.from = String(i))), String(i));
  let n = 0;
  while (undo.undo()) n++;
  expect(n).toBe(100);
});
