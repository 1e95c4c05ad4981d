import { expect, it } from 'vitest';
import type { Schema } from '../openapi';
import { read } from './read';
import { revenue, unpriced } from './revenue';

const schema = (event: string, property: string): Schema =>
  ({ events: [{ name: event }], properties: [{ key: property, types: ['number'] }], columns: [], traits: [] }) as unknown as Schema;

it('is asked of the event and the number that look like money, and else says what to choose', () => {
  const whole = revenue(schema('purchase', 'amount'));
  expect(whole.series).toMatchObject([{ events: ['purchase'], aggregate: 'sum', property: 'amount' }, { events: ['purchase'] }]);
  expect(unpriced(read(whole, ''))).toBe('');
  for (const seen of [undefined, schema('opened', 'amount'), schema('purchase', 'weight')]) {
    expect(unpriced(read(revenue(seen), ''))).toContain('Choose the event');
  }
  expect(revenue(schema('purchase', 'weight')).series).toEqual([{ id: 'A', label: 'Revenue', aggregate: 'sum', events: ['purchase'] }]);
});
