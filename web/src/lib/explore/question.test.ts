import type { Schema } from '../openapi';
import { revenue } from './revenue';
import { describe, expect, it } from 'vitest';
import { address, decode } from './address';
import { blank, change, newStep, type Form } from './form';
import { specs } from './kinds';
import { reference, resolve } from './property';
import { curl, incomplete, over, question, type Question } from './question';
import { read } from './read';
import { titleOf } from './title';

const types = (name: string) => ({ amount: ['number'], gift: ['boolean'], mixed: ['text', 'number'] })[name] ?? ['text'];
const again = (q: Question) => question(read(q, ''), types);

describe('question', () => {
  it('asks for all events when nothing is chosen', () => {
    expect(question(blank('trends'), types)).toEqual({
      kind: 'trends', range: { from: '-7d', to: 'now' }, interval: 'day', series: [{ id: 'A', aggregate: 'total' }],
    });
  });

  it('leaves out conditions that are not finished, and combines the others', () => {
    const form = blank('trends');
    form.where.rows = [
      { property: 'amount', op: 'is', value: '10' },
      { property: '', op: 'is', value: 'x' },
      { property: 'plan', op: 'in', value: 'free, pro' },
      { join: 'or', rows: [{ property: 'gift', op: 'is', value: 'true' }, { property: 'plan', op: 'is_set', value: '' }] },
      { join: 'or', rows: [{ property: 'plan', op: 'is', value: ' ' }] },
    ];
    expect(question(form, types).where).toEqual({
      and: [
        { property: 'amount', op: 'is', value: 10 },
        { property: 'plan', op: 'in', value: ['free', 'pro'] },
        { or: [{ property: 'gift', op: 'is', value: true }, { property: 'plan', op: 'is_set' }] },
      ],
    });
  });

  it('keeps text that looks like a number where text was seen', () => {
    const where = (property: string, op: string, value: string) => {
      const form = blank('trends');
      form.where.rows = [{ property, op, value }];
      return (question(form, types).where as { value: unknown }).value;
    };
    expect(where('mixed', 'is', '10')).toBe('10');
    expect(where('mixed', 'gt', '10')).toBe(10);
    expect(where('amount', 'contains', '10')).toBe('10');
    expect(where('amount', 'between', '1, 2')).toEqual([1, 2]);
  });

  it('goes by the clock of each device where that says something', () => {
    for (const { kind, options } of specs.filter((s) => s.kind !== 'funnel')) {
      const form = blank(kind);
      form.options.timezone = 'device';
      expect(question(form, types).timezone, kind).toBe(options.some((o) => o.name === 'timezone') ? 'device' : undefined);
      expect(again(question(form, types)).timezone).toBe(question(form, types).timezone);
    }
    const rolling = blank('retention');
    Object.assign(rolling.options, { timezone: 'device', clock: 'rolling' });
    expect(question(rolling, types)).not.toHaveProperty('timezone');
  });

  it('says what is missing', () => {
    expect(incomplete({ ...blank('trends'), range: 'custom' })).toContain('day');
    expect(incomplete(blank('funnel'))).toContain('steps');
    const sum = blank('trends');
    sum.series[0]!.aggregate = 'sum';
    expect(incomplete(sum)).toContain('property');
    const funnel = { kind: 'funnel', steps: [{ events: ['a'] }] };
    expect(incomplete(read({ ...funnel, unit: 'expression' }, ''))).toContain('property');
    expect(incomplete(read({ ...funnel, unit: 'expression', unit_by: [{ property: 'a' }] }, ''))).toBe('');
    expect(incomplete(read({ ...funnel, attribution: 'step', breakdown: [{ property: '$os' }] }, ''))).toContain('step');
    expect(incomplete(read({ ...funnel, attribution: 'step' }, ''))).toBe('');
    for (const { kind } of specs.filter((s) => s.kind !== 'funnel')) expect(incomplete(blank(kind))).toBe('');
  });

  it('takes the days of a range as they are meant', () => {
    const form: Form = { ...blank('lifecycle'), range: 'custom', from: '2026-02-01', to: '2026-02-28' };
    expect(question(form, types).range).toEqual({ from: '2026-02-01', to: '2026-03-01' });
    expect(question({ ...form, range: 'last_month' }, types).range).toEqual({ from: 'last_month' });
  });

  it('leaves the options of another picture out', () => {
    const form = read({ kind: 'funnel', steps: [{ events: ['a'] }], show: 'window', windows: ['1h', '2h'] }, '');
    expect(question(form, types)).toMatchObject({ show: 'window', windows: ['1h', '2h'] });
    form.view = '';
    expect(question(form, types)).not.toHaveProperty('windows');
  });

  it('leaves out what means nothing beside the rest', () => {
    const left = (q: object) => question(read({ steps: [{ events: ['a'], window: '1h' }, { events: ['b'], window: '1h', optional: true }], ...q }, ''), types);
    expect(left({ kind: 'funnel', visible: 'all', ignore: ['x'], hold_counts: 'value', attribution: 'last_step', attribution_step: 1, convert_to: 2, week_start: 'sunday', unit_by: [{ property: 'a' }] })).toEqual({
      kind: 'funnel', range: { from: '-30d', to: 'now' }, steps: [{ events: ['a'] }, { events: ['b'], optional: true }],
    });
    expect(left({ kind: 'paths', gap: '1h' })).not.toHaveProperty('gap');
    expect(left({ kind: 'retention', type: 'brackets', periods: 3 })).toMatchObject({ type: 'brackets', brackets: [{ from: 0, to: 0 }, { from: 1, to: 3 }, { from: 4, to: 7 }, { from: 8, to: 30 }] });
    expect(left({ kind: 'retention', type: 'brackets', periods: 3 })).not.toHaveProperty('periods');
    expect(left({ kind: 'retention', brackets: [{ from: 0, to: 2 }] })).toMatchObject({ type: 'brackets', brackets: [{ from: 0, to: 2 }] });
  });
});

const questions: Question[] = [
  {
    kind: 'trends', range: { from: '-30d', to: 'now' }, interval: 'week', compare: 'previous', cumulative: true, rolling: 3,
    series: [
      { id: 'A', label: 'Sales', events: ['purchase', 'order'], aggregate: 'sum', property: 'amount', where: { property: 'plan', op: 'is', value: 'pro' } },
      { id: 'B', aggregate: 'unique' },
    ],
    formulas: [{ id: 'C', label: 'A / B', expression: 'A / B' }],
    where: { or: [{ property: 'plan', of: 'person', op: 'is_set' }, { and: [{ property: 'amount', op: 'gte', value: 1 }, { property: 'amount', op: 'lt', value: 9 }] }] },
    breakdown: [{ property: '$country' }, { property: 'plan', of: 'person', at: 'event', as: 'number' }, { property: 'amount', edges: [10, 50] }], breakdown_limit: 5,
  },
  {
    kind: 'funnel', range: { from: '2026-01-01', to: '2026-02-01' }, window: '3d', order: 'any', unit: 'session', entry: 'every', show: 'trend', interval: 'week',
    steps: [{ events: ['a'] }, { events: ['b', 'c'], label: 'B', optional: true, where: { property: 'amount', op: 'is', value: 1 } }, { events: ['d'], anchored: true }],
    exclusions: [{ events: ['x'], from: 1, to: 2 }], hold: [{ property: 'product_id' }],
  },
  { kind: 'retention', range: { from: '-8w', to: 'now' }, interval: 'week', start: { events: ['signed_up'] }, return: { events: ['app_opened'] }, type: 'on_or_after', periods: 7 },
  { kind: 'lifecycle', range: { from: '-12w', to: 'now' }, interval: 'week', active: { events: ['app_opened'] }, new_by: 'any' },
  { kind: 'stickiness', range: { from: '-30d', to: 'now' }, mode: 'ratio', days: 7, signed_out: 'last_user', active: { events: ['app_opened'] } },
  { kind: 'paths', range: { from: '-7d', to: 'now' }, through: { events: ['$page'] }, node: { property: '$page_path' }, unit: 'transitions', collapse_repeats: true, depth: 4, nodes: 6 },
  { kind: 'paths', range: { from: '-7d', to: 'now' }, funnel: { question: { kind: 'funnel', steps: [{ events: ['a'] }, { events: ['b'] }] }, step: 2, state: 'dropped', side: 'before' } },
  { kind: 'trends', range: { from: '-30d', to: 'now' }, interval: 'day', series: [{ id: 'A', aggregate: 'mau', clock: 'calendar' }] },
  { kind: 'sessions', range: { from: '-30d', to: 'now' }, show: 'duration' },
  { kind: 'sessions', range: { from: '-30d', to: 'now' }, preset: 'mixpanel', by: 'client', holding: { events: ['purchase'] }, where: { cohort: 'Buyers', op: 'not_in' }, breakdown: [{ property: '$country' }, { cohort: 'Buyers' }], breakdown_limit: 10, attribution: 'last_event' },
  {
    kind: 'funnel', range: { from: '-30d', to: 'now' }, order: 'strict', visible: 'all', ignore: ['ad, shown', 'x'], unit: 'expression', unit_by: [{ property: 'order_id' }, { property: 'plan', of: 'person' }],
    steps: [{ events: ['a'] }, { events: ['b'], window: '1h' }], hold: [{ property: 'price', as: 'number' }], hold_counts: 'value',
    show: 'time_to_convert', convert_from: 1, convert_to: 2, breakdown: [{ property: '$os' }], breakdown_limit: 3, attribution: 'step', attribution_step: 2,
  },
  { kind: 'funnel', range: { from: '-8w', to: 'now' }, show: 'trend', interval: 'week', week_start: 'sunday', steps: [{ events: ['a'] }] },
  {
    kind: 'sessions', range: { from: '-30d', to: 'now' }, interval: 'minute', duration: { at_least: '10s' }, event_count: { at_least: 2, at_most: 9 },
    measures: [{ events: ['purchase'], where: { property: 'plan', op: 'is', value: 'pro' }, property: 'price', as: 'number', label: 'revenue' }, { events: ['view'] }],
  },
  { kind: 'paths', range: { from: '-7d', to: 'now' }, unit: 'sessions', gap: '10min', steps: { events: ['view'], where: { property: 'amount', op: 'gt', value: 1 } } },
  { kind: 'paths', range: { from: '-7d', to: 'now' }, from: { events: ['a'] }, breakdown: [{ property: '$os' }, { cohort: 'Buyers' }], breakdown_limit: 3 },
  { kind: 'retention', range: { from: '-8w', to: 'now' }, start: { events: ['signed_up'] }, type: 'brackets', brackets: [{ from: 0, to: 0 }, { from: 1, to: 3 }] },
];

describe('read', () => {
  it.each(questions)('gives the same question again: $kind', (q) => {
    expect(again(q)).toEqual(q);
    expect(question(decode(new URL(address(q, '', 3), 'http://x').search), types)).toEqual(q);
  });

  it('leaves out what is as usual, but not where the rules are those of another', () => {
    expect(again({ kind: 'retention', range: { from: '-30d', to: 'now' }, clock: 'calendar', interval: 'day' })).not.toHaveProperty('clock');
    expect(again({ kind: 'retention', range: { from: '-30d', to: 'now' }, clock: 'calendar', preset: 'mixpanel' })).toHaveProperty('clock');
  });

  it('makes a form of whatever an address says', () => {
    const nonsense = [
      '', '?q=', '?q=%7B', '?q=null', '?q=[]', '?q="x"', '?q={"kind":"__proto__"}', '?q={"kind":"funnel","steps":3,"range":[1]}',
      '?q={"series":[{"events":[{}],"aggregate":"rm","where":{"and":[{"and":[7]}]}}],"where":{"property":"a","op":"__proto__"},"breakdown":[null]}',
      `?q=${'{"where":{"and":['.repeat(200)}`,
    ];
    for (const search of nonsense) expect(() => question(decode(search), types)).not.toThrow();
    expect(decode('?q={"kind":"trends"}&view=pie').view).toBe('');
  });
});

describe('paths of a funnel', () => {
  it('have the range of the form, also when they come out of an answer', () => {
    const range = { from: '2026-01-01T00:00:00Z', to: '2026-01-08T00:00:00Z' };
    const answered = { kind: 'paths', range, funnel: { question: { kind: 'funnel', steps: [{}], range }, step: 1 } };
    expect(again(answered).funnel).toEqual({ question: { kind: 'funnel', steps: [{}] }, step: 1 });
  });
});

describe('over another range', () => {
  it.each(questions)('a question is the same, but for the range and what is as wide: $kind', (q) => {
    const { range, interval, funnel, ...rest } = over(q, '-12m');
    expect(range).toEqual({ from: '-12m', to: 'now' });
    expect(interval).toBe(q.kind === 'trends' ? 'month' : q.interval);
    expect(funnel).toEqual(q.funnel);
    for (const [name, value] of Object.entries(rest)) expect(value, name).toBe(q[name]);
    expect(Object.keys(over(q, '-12m')).sort()).toEqual([...new Set([...Object.keys(q), ...(q.kind === 'trends' ? ['interval'] : [])])].sort());
  });

  it('has what the builder would write otherwise as it was saved', () => {
    const saved = { series: [{ events: ['a'] }], where: { property: 'code', op: 'in', value: ['1, 2', 3] }, breakdown: [{ property: '$os' }], range: { from: '-7d' } } as unknown as Question;
    expect(over(saved, '-24h')).toEqual({ ...saved, range: { from: '-24h', to: 'now' }, interval: 'hour' });
  });

  it('paths of a funnel are asked about that range alone', () => {
    const range = { from: '-7d', to: 'now' };
    const asked = { kind: 'paths', range, funnel: { question: { kind: 'funnel', steps: [{}], range }, step: 1 } };
    expect(over(asked, '-90d').funnel).toEqual({ question: { kind: 'funnel', steps: [{}] }, step: 1 });
  });
});

describe('change', () => {
  it('keeps events, filters and days for another kind', () => {
    const form = read(questions[1], '');
    const next = change(form, 'trends');
    expect(next).toMatchObject({ kind: 'trends', range: 'custom', from: '2026-01-01' });
    expect(next.series[0]?.events).toEqual(['a']);
    expect(change(next, 'funnel').steps).toEqual([{ ...newStep(), events: ['a'] }, newStep()]);
    expect(change(next, 'retention').selections.start?.events).toEqual(['a']);
  });
});

describe('reference', () => {
  it('tells properties of events and persons apart', () => {
    for (const [property, of, at] of [['plan'], ['plan', 'person'], ['plan', 'person', 'event'], ['person:plan'], ['event:x']] as [string, string?, string?][]) {
      expect(resolve(reference(property, of, at))).toEqual({ property, ...(of ? { of } : {}), ...(at ? { at } : {}) });
    }
    expect(new Set(['plan', 'person:plan'].map((p) => reference(p))).size).toBe(2);
  });
});

describe('titleOf', () => {
  it('says every kind in a few words', () => {
    for (const q of questions) expect(titleOf(read(q, ''))).not.toBe('');
    expect(titleOf(read(questions[0], ''))).toBe('Sum of amount, purchase or order; People, all events');
    expect(titleOf(read(questions[5], ''))).toBe('Paths around $page');
    expect(titleOf(read(questions[6], ''))).toBe('Paths of a funnel');
  });
});

describe('curl', () => {
  it('is safe to paste', () => {
    expect(curl('http://h', '/v1/query', { a: "it's" })).toContain("it'\\''s");
  });
});

it('asks about money where there is some, and the builder can hold it', () => {
  const seen = { first_seen: '', last_seen: '' };
  const schema = {
    events: [{ name: 'purchase', count: 1, ...seen }], properties: [{ key: 'amount', types: ['number'], count: 1, column: true, ...seen }],
    columns: [], property_limit: 1, watermark: { position: 1, time: '' },
  } as unknown as Schema;
  const asked = revenue(schema);
  expect(asked.series).toMatchObject([{ events: ['purchase'], aggregate: 'sum', property: 'amount' }, { aggregate: 'unique' }]);
  expect(question(read(asked, ''), () => [])).toEqual(asked);
  expect(incomplete(read(revenue({ ...schema, properties: [] }), ''))).toContain('property');
});
