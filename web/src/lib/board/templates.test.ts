import { expect, it } from 'vitest';
import type { Schema, Tile } from '../openapi';
import { templates } from './templates';

const seen = { first_seen: '', last_seen: '' };
const schema = (events: string[], numbers: string[]) =>
  ({
    columns: [{ name: '$os', type: 'text', description: '' }],
    events: events.map((name) => ({ name, count: 1, ...seen })),
    properties: numbers.map((key) => ({ key, count: 1, types: ['number'], column: true })),
  }) as unknown as Schema;

const make = (name: string, s: Schema) => templates.find((t) => t.name === name)!.make(s);
const text = (tiles: Tile[] | string) => JSON.stringify(tiles);

it('makes questions out of what the app sends', () => {
  const shop = schema(['app_opened', 'product_viewed', 'signed_up', 'product_added', 'purchase'], ['load_ms', 'amount']);
  const sold = make('Revenue', shop);
  expect(text(sold)).toContain('"property":"amount"');
  expect(text(sold)).toContain('{"events":["product_viewed"]},{"events":["product_added"]},{"events":["purchase"]}');
  expect(text(make('Activation', shop))).toContain('[{"events":["signed_up"]},{"events":["product_viewed"]}');
  expect(text(make('Mobile app health', shop))).toContain('"p95","property":"load_ms"');
  expect(text(make('Mobile app health', shop))).not.toContain('$app_version');
  for (const template of templates) {
    const tiles = template.make(shop) as Tile[];
    expect(new Set(tiles.map((t) => t.id)).size).toBe(tiles.length);
    for (const t of tiles) expect([t.text, t.question, t.insight].filter((one) => one !== undefined)).toHaveLength(1);
  }
});

it('says what an app does not send', () => {
  const little = schema(['hello'], []);
  expect(make('Revenue', little)).toMatch(/^needs /);
  expect(make('Activation', little)).toMatch(/^needs /);
  expect(make('Mobile app health', little)).not.toBeTypeOf('string');
});
