// The question about money, made out of what the app sends.
import { amount, bought } from '../board/templates';
import type { Schema } from '../openapi';
import type { Question } from './question';

/** What is sold, who buys, and how much each; undefined when no event looks like a purchase with an amount. */
export function revenue(schema: Schema | undefined): Question | undefined {
  const [event, property] = schema ? [bought(schema), amount(schema)] : [];
  if (!event || !property) return undefined;
  return {
    kind: 'trends', range: { from: '-30d', to: 'now' }, interval: 'day',
    series: [
      { id: 'A', label: 'Revenue', events: [event], aggregate: 'sum', property },
      { id: 'B', label: 'Buyers', events: [event], aggregate: 'unique' },
    ],
    formulas: [{ id: 'C', label: 'Revenue a buyer', expression: 'A / B' }],
  };
}
