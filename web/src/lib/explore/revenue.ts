// The question about money, made out of what the app sends.
import { amount, bought } from '../board/recognize';
import type { Schema } from '../openapi';
import type { Form } from './form';
import type { Question } from './question';

const label = 'Revenue';

/** What is sold, who buys, and how much each; without a number to add up when no event looks like a purchase with an amount. */
export function revenue(schema: Schema | undefined): Question {
  const [event, property] = schema ? [bought(schema), amount(schema)] : [];
  const about = { kind: 'trends', range: { from: '-30d', to: 'now' }, interval: 'day' };
  if (!event || !property) return { ...about, series: [{ id: 'A', label, aggregate: 'sum', ...(event ? { events: [event] } : {}) }] };
  return {
    ...about,
    series: [
      { id: 'A', label, events: [event], aggregate: 'sum', property },
      { id: 'B', label: 'Buyers', events: [event], aggregate: 'unique' },
    ],
    formulas: [{ id: 'C', label: 'Revenue a buyer', expression: 'A / B' }],
  };
}

/** What is to be chosen for a question about money that was not made whole; empty for every other. */
export function unpriced(form: Form): string {
  const open = form.series.some((s) => s.label === label && s.aggregate === 'sum' && !s.property);
  return open ? 'No event was recognized as a purchase with an amount. Choose the event, and its property to add up.' : '';
}
