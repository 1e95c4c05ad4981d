import { describe, expect, it } from 'vitest';
import type { TrackingPlan } from '../openapi';
import { add, differences, formOf, placeOf, planOf, read } from './form';

const plan: TrackingPlan = {
  events: [
    {
      name: 'purchase',
      properties: [
        { key: 'amount', type: 'number', required: true, values: [1, 2.5] },
        { key: 'currency', type: 'text', values: ['EUR', '1,5\n'] },
        { key: '$app_version', required: true },
      ],
    },
    { name: 'app_opened' },
  ],
};

describe('the form of a plan', () => {
  it('holds all of it', () => {
    expect(planOf(formOf(plan))).toEqual(plan);
    expect(planOf(read(JSON.stringify(plan)))).toEqual(plan);
    expect(planOf(read('{"events":[]}'))).toEqual({ events: [] });
  });

  it('leaves what is no number for the server to refuse, and values to types that have them', () => {
    const amount = (type: 'number' | 'boolean') => planOf([{ name: 'e', properties: [{ key: 'k', type, required: false, values: ['7', 'x', ''] }] }]).events[0]!.properties![0]!.values;
    expect(amount('number')).toEqual([7, 'x', '']);
    expect(amount('boolean')).toBeUndefined();
  });

  it.each([
    ['{', ''],
    ['[]', ''],
    ['{}', 'events'],
    ['{"events":[{}]}', 'events[0].name'],
    ['{"events":[{"name":"a","owner":"b"}]}', 'events[0].owner'],
    ['{"events":[{"name":"a","properties":[{"key":"k","type":"euro"}]}]}', 'events[0].properties[0].type'],
    ['{"events":[{"name":"a","properties":[{"key":"k","required":1}]}]}', 'events[0].properties[0].required'],
    ['{"events":[{"name":"a","properties":[{"key":"k","type":"number","values":[1,"2"]}]}]}', 'events[0].properties[0].values[1]'],
    ['{"events":[{"name":"a","properties":[{"key":"k","values":["2"]}]}]}', 'events[0].properties[0].values'],
  ])('does not take what it could not hold: %s', (json, field) => {
    expect(() => read(json)).toThrowError(expect.objectContaining({ field }) as Error);
  });
});

it('adds what was seen, and leaves what is there', () => {
  const events = formOf({ events: [{ name: 'purchase', properties: [{ key: 'amount', type: 'text' }] }] });
  expect(add(events, plan.events)).toEqual({ events: 1, properties: 2 });
  expect(events.map((e) => [e.name, e.properties.map((p) => `${p.key} ${p.type}`)])).toEqual([
    ['purchase', ['amount text', 'currency text', '$app_version ']],
    ['app_opened', []],
  ]);
  expect(add(events, plan.events)).toEqual({ events: 0, properties: 0 });
});

it('tells which events are otherwise in another plan', () => {
  expect(differences(plan, plan)).toEqual([]);
  expect(differences(plan, { events: [{ name: 'app_opened', properties: [{ key: 'k' }] }, { name: 'new' }] })).toEqual(['purchase', 'app_opened', 'new']);
});

it('finds the fields that the server names', () => {
  expect(placeOf('events[3].name')).toEqual({ event: 3 });
  expect(placeOf('events[3].properties[12].values[0]')).toEqual({ event: 3, property: 12 });
  expect(placeOf('events[3].properties[0].key')).toEqual({ event: 3, property: 0 });
  expect([placeOf('events'), placeOf('events[3].properties'), placeOf('')]).toEqual([undefined, undefined, undefined]);
});
