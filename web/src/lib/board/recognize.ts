// Which of the events and properties that an app sends are likely to mean what.
import type { Schema } from '../openapi';

/** The most frequent event whose name fits the first pattern that any fits. */
export function event(schema: Schema, ...patterns: RegExp[]): string | undefined {
  for (const pattern of patterns) {
    const found = schema.events.find((e) => pattern.test(e.name));
    if (found) return found.name;
  }
  return undefined;
}

/** The property that is a number and is called most like an amount. */
export function amount(schema: Schema): string | undefined {
  const numbers = schema.properties.filter((p) => p.types.includes('number'));
  for (const pattern of [/^(revenue|amount|value|price|total)$/i, /revenue|amount/i, /price|total|value/i]) {
    const found = numbers.find((p) => pattern.test(p.key));
    if (found) return found.key;
  }
  return undefined;
}

/** The event with which somebody pays. */
export const bought = (s: Schema) => event(s, /purchase|order.?(completed|placed|paid)|checkout.?completed/i, /paid|payment|subscri|bought/i);
