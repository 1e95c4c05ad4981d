import { expect, it } from 'vitest';
import { blank } from './form';
import { specOf, type Field, type Kind } from './kinds';
import { choicesOf, usualOf } from './presets';

const field = (kind: Kind, name: string) => specOf(kind).options.find((f) => f.name === name)!;
const form = (kind: Kind, options: Record<string, string>, extra = {}) => ({ ...blank(kind), options, extra });
const choices = (kind: Kind, name: string, options: Record<string, string>, extra = {}) =>
  choicesOf(form(kind, options, extra), field(kind, name) as Field & { input: 'choice' }).map((c) => `${c.value}: ${c.label}`);

it.each([
  ['ours', {}, [': Of the start event', 'both: The same on return']],
  ['those of a preset', { preset: 'posthog' }, [': The same on return', 'start: Of the start event']],
  ['those of a preset that goes by another field', { preset: 'posthog', cohort: 'first_time' }, [': Of the start event', 'both: The same on return']],
  ['ours where a preset has none', { preset: 'mixpanel' }, [': Of the start event', 'both: The same on return']],
  ['with what is chosen all the same', { preset: 'posthog', attribution: 'both' }, [': The same on return', 'start: Of the start event', 'both: The same on return']],
  ['with what was chosen under a preset', { attribution: 'start' }, [': Of the start event', 'start: Of the start event', 'both: The same on return']],
])('names what leaving a field out means: %s', (_, options, wanted) => {
  expect(choices('retention', 'attribution', options)).toEqual(wanted);
});

it('goes by what else is in the question', () => {
  expect(choices('retention', 'type', { preset: 'mixpanel' })[0]).toBe(': In it or later');
  expect(choices('paths', 'unit', { preset: 'posthog' })[0]).toBe(': Occurrence');
  expect(choices('paths', 'unit', { preset: 'posthog' }, { funnel: {} })[0]).toBe(': Person');
});

it('leaves fields alone that no preset fills in', () => {
  expect(choices('funnel', 'order', { preset: 'posthog' })).toEqual(choices('funnel', 'order', {}));
});

it('has in an empty field what stands for it', () => {
  const window = field('funnel', 'window') as Field & { input: 'text' };
  expect(['', 'posthog', 'mixpanel', 'amplitude'].map((preset) => usualOf(form('funnel', { preset }), window))).toEqual(['7d', '14d', '7d', '1d']);
});
