import { describe, expect, it } from 'vitest';
import { entries, matching } from './palette';

const seen = '2026-01-01T00:00:00Z';
const known = {
  insights: [],
  cohorts: [{ id: '7', name: 'Buyers', description: '', static: false, uses: [], version: 1, created_at: seen, updated_at: seen }],
  schema: { events: ['purchase', 'product_viewed', 'repurchase'].map((name) => ({ name, count: 1, first_seen: seen, last_seen: seen })), properties: [], traits: [], columns: [], property_limit: 1, watermark: { position: 1, time: seen } },
  projects: [],
  project: 3,
  current: 3,
};
const labels = (typed: string) => matching(entries(known), typed, 3).map((e) => e.label);

describe('the palette', () => {
  it('puts what begins with the letters before what only has them', () => {
    expect(labels('pur')).toEqual(['purchase', 'repurchase', 'Look for “pur”']);
    expect(labels('viewed')[0]).toBe('product_viewed');
  });

  it('offers everything before a letter is typed, and a search for people after', () => {
    expect(labels('')).toContain('Buyers');
    expect(labels('jane@x.org')).toEqual(['Look for “jane@x.org”']);
  });

  it('names the project in every address', () => {
    for (const entry of matching(entries(known), '', 3)) if (entry.url) expect(entry.url).toContain('project=3');
    expect(matching(entries(known), 'a b&c', 3).at(-1)?.url).toBe('/people?search=a+b%26c&project=3');
  });
});
