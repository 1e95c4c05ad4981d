import { describe, expect, it } from 'vitest';
import { automatic, blank, curl, decode, encode, incomplete, projectIn, question, usable, type Form } from './question';

const form = (change: Partial<Form>): Form => ({ ...blank, ...change });
const noTypes = () => [];
const types = (property: string) => ({ amount: ['number'], gift: ['boolean'], mixed: ['number', 'string'] })[property] ?? [];
const where = (property: string, op: string, value: string) =>
  question(form({ filters: [{ property, op, value }] }), types).where;

describe('question', () => {
  it('asks about all events with the least', () => {
    expect(question(blank, noTypes)).toEqual({
      kind: 'trends',
      range: { from: '-7d', to: 'now' },
      interval: 'day',
      series: [{ id: 'A', aggregate: 'total' }],
    });
  });

  it('carries everything the form has', () => {
    const built = question(
      form({
        event: 'purchase',
        aggregate: 'sum',
        property: 'amount',
        breakdown: '$country',
        range: 'last_month',
        interval: 'week',
        compare: 'year',
        filters: [
          { property: 'amount', op: 'gte', value: '10' },
          { property: 'plan', op: 'is', value: 'pro' },
        ],
      }),
      types,
    );
    expect(built).toEqual({
      kind: 'trends',
      range: { from: 'last_month' },
      interval: 'week',
      series: [{ id: 'A', events: ['purchase'], aggregate: 'sum', property: 'amount' }],
      where: {
        and: [
          { property: 'amount', op: 'gte', value: 10 },
          { property: 'plan', op: 'is', value: 'pro' },
        ],
      },
      breakdown: [{ property: '$country' }],
      breakdown_limit: 8,
      compare: 'year',
    });
  });

  it('leaves a property out that the aggregate does not use', () => {
    expect(question(form({ aggregate: 'unique', property: 'amount' }), types).series[0]).toEqual({ id: 'A', aggregate: 'unique' });
  });

  it('counts the last day of chosen dates', () => {
    const chosen = form({ range: 'custom', from: '2026-02-01', to: '2026-02-28' });
    expect(question(chosen, noTypes).range).toEqual({ from: '2026-02-01', to: '2026-03-01' });
  });

  it('sends values as the types they were seen with', () => {
    expect(where('amount', 'is', '10')).toEqual({ property: 'amount', op: 'is', value: 10 });
    expect(where('amount', 'is', 'ten')).toEqual({ property: 'amount', op: 'is', value: 'ten' });
    expect(where('mixed', 'is', '10')).toEqual({ property: 'mixed', op: 'is', value: '10' });
    expect(where('mixed', 'gt', '10')).toEqual({ property: 'mixed', op: 'gt', value: 10 });
    expect(where('gift', 'is', 'true')).toEqual({ property: 'gift', op: 'is', value: true });
    expect(where('amount', 'between', '1, 2.5')).toEqual({ property: 'amount', op: 'between', value: [1, 2.5] });
    expect(where('plan', 'in', 'a, b,,')).toEqual({ property: 'plan', op: 'in', value: ['a', 'b'] });
    expect(where('amount', 'contains', '1')).toEqual({ property: 'amount', op: 'contains', value: '1' });
    expect(where('plan', 'is_set', 'ignored')).toEqual({ property: 'plan', op: 'is_set' });
  });

  it('leaves out rows that are still being written', () => {
    expect(where('', 'is', 'x')).toBeUndefined();
    expect(where('plan', 'is', ' ')).toBeUndefined();
    expect(usable({ property: 'plan', op: 'is_not_set', value: '' })).toBe(true);
  });
});

describe('incomplete', () => {
  it('names what is missing', () => {
    expect(incomplete(blank)).toBe('');
    expect(incomplete(form({ aggregate: 'p95' }))).toContain('property');
    expect(incomplete(form({ range: 'custom', from: '2026-01-01' }))).toContain('day');
  });
});

describe('automatic', () => {
  it.each([
    ['-60min', 'minute'],
    ['-24h', 'hour'],
    ['today', 'hour'],
    ['-7d', 'day'],
    ['-90d', 'day'],
    ['this_month', 'day'],
    ['-12m', 'month'],
    ['all', 'month'],
    ['last_year', 'month'],
  ])('takes for %s the %s', (range, want) => expect(automatic(form({ range }))).toBe(want));

  it('looks at how long chosen dates are', () => {
    expect(automatic(form({ range: 'custom', from: '2026-01-01', to: '2026-01-02' }))).toBe('hour');
    expect(automatic(form({ range: 'custom', from: '2025-01-01', to: '2026-01-01' }))).toBe('week');
  });
});

describe('address', () => {
  it('comes back as it went', () => {
    const full = form({
      event: 'a&b=c #1',
      aggregate: 'p95',
      property: '__proto__',
      breakdown: '$os',
      range: 'custom',
      from: '2026-01-01',
      to: '2026-02-01',
      interval: 'hour',
      compare: 'previous',
      view: 'table',
      filters: [
        { property: 'plan', op: 'in', value: 'a, "b"' },
        { property: 'x', op: 'is_set', value: '' },
      ],
    });
    expect(decode(encode(full))).toEqual(full);
    expect(decode(encode(full, 7))).toEqual(full);
    expect(projectIn(encode(full, 7))).toBe(7);
  });

  it('is empty for the usual question', () => {
    expect(encode(blank)).toBe('');
    expect(decode('')).toEqual(blank);
  });

  it('leaves out what makes no sense', () => {
    const odd = '?show=drop&range=<b>&view=pie&from=soon&interval=second&where=1&where=[1,2,3]&where={&where=["a","like","b"]';
    expect(decode(odd)).toEqual(blank);
    expect(projectIn('?project=1e9')).toBeUndefined();
  });

  it('takes no more filters than the form holds', () => {
    const one = encodeURIComponent('["a","is","b"]');
    expect(decode(`?${`where=${one}&`.repeat(500)}`).filters).toHaveLength(20);
  });
});

describe('curl', () => {
  it('survives quotes in values, and names no key', () => {
    const text = curl('http://localhost', '/v1/query', { a: "it's" });
    expect(text).toContain(`it'\\''s`);
    expect(text).toContain('$FRESHET_KEY');
  });
});
