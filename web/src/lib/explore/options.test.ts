import { expect, it } from 'vitest';
import { Formats } from '../format';
import type { Schema } from '../openapi';
import { noFilter } from './form';
import { offers, traits } from './options';
import { filter } from './question';

const schema = {
  events: [], columns: [], property_limit: 1, watermark: { position: 1, time: '' },
  properties: [{ key: 'age', types: ['text'], count: 1, column: true }],
  traits: [
    { key: 'age', types: ['number'], people: 3, values: [{ value: 41, people: 2 }, { value: 7, people: 1 }] },
    { key: 'plan', types: ['text'], people: 1, approximate: true, values: [{ value: 'a plan of more than twenty letters', people: 1 }] },
    { key: 'address', types: ['json'], people: 2, values: [] },
  ],
} as Schema;
const formats = new Formats('UTC', 'en-GB');

it('offers properties of people beside those of events, with how many have them and what they have', () => {
  const told = traits(schema, formats);
  expect(told[0]).toEqual({ value: 'person:age', label: 'age of the person', note: 'number · 3 people', about: '41, 7' });
  expect(told[1]).toMatchObject({ note: 'text · ≈ 1 person', about: 'a plan of more than twe…' });
  expect(told[2]).not.toHaveProperty('about');
  const all = offers(schema, formats);
  expect(all.properties.map((o) => o.value)).toEqual(['age', 'person:age', 'person:plan', 'person:address']);
  expect(all.numbers).toEqual([{ value: 'number:age', label: 'age as a number', note: 'text' }]);
  expect([all.values('person:age'), all.values('age'), all.values('person:none')]).toEqual([['41', '7'], [], []]);
});

it('writes a value as the type that the property of people has', () => {
  const { types } = offers(schema, formats);
  const where = (property: string) => filter({ ...noFilter(), rows: [{ property, op: 'is', value: '41' }] }, types);
  expect(where('person:age')).toEqual({ property: 'age', of: 'person', op: 'is', value: 41 });
  expect(where('age')).toEqual({ property: 'age', op: 'is', value: '41' });
  expect(where('number:age')).toEqual({ property: 'age', as: 'number', op: 'is', value: 41 });
});
