// Dashboards to begin with, made out of what the project's app sends: a template without the events that it needs says so.
import type { Schema, Tile } from '../openapi';
import { arrange } from './grid';
import { amount, bought, event } from './recognize';

export type Template = { name: string; says: string; make: (schema: Schema) => Tile[] | string };

type Card = Pick<Tile, 'w' | 'h'> & Partial<Tile>;

export const templates: Template[] = [
  { name: 'Mobile app health', says: 'How many people use it, how often, on what, and what goes wrong', make: health },
  { name: 'Activation', says: 'Who becomes a user, how fast, and who stays', make: activation },
  { name: 'Revenue', says: 'What is sold, to whom, and how many get that far', make: revenue },
];

const month = { from: '-30d', to: 'now' };
const today = { from: 'today', to: 'now' };

/** Lays cards out row by row. */
function lay(cards: (Card | undefined)[]): Tile[] {
  const tiles: Tile[] = [];
  let [x, y, high] = [0, 0, 0];
  for (const card of cards) {
    if (!card) continue;
    if (x + card.w > 12) [x, y, high] = [0, y + high, 0];
    tiles.push({ ...card, id: `t${tiles.length + 1}`, x, y });
    [x, high] = [x + card.w, Math.max(high, card.h)];
  }
  return arrange(tiles);
}

const words = (text: string, h = 2): Card => ({ w: 12, h, text });
const number = (title: string, range: unknown, interval: string, series: unknown, w = 3): Card => ({
  w, h: 3, title, view: 'number', question: { kind: 'trends', range, interval, compare: 'previous', series: [{ id: 'A', label: title, ...(series as object) }] },
});

const has = (schema: Schema, column: string) => schema.columns.some((c) => c.name === column);

const opened = (s: Schema) => event(s, /app.?open|application.?opened|session.?start|app.?launch/i, /open|launch|start/i);
const joined = (s: Schema) => event(s, /sign.?up|signed.?up|regist|account.?created/i, /install|first.?open|onboard/i);
const added = (s: Schema) => event(s, /product.?added|add.*(cart|basket)|cart.?add/i);
const viewed = (s: Schema) => event(s, /product.?viewed|view.*(item|product)|item.?view/i, /view|search/i);

function split(title: string, property: string, w: number, h = 5): Card {
  return {
    w, h, title,
    question: { kind: 'trends', range: month, interval: 'day', series: [{ id: 'A', aggregate: 'unique' }], breakdown: [{ property }], breakdown_limit: 5 },
  };
}

function health(s: Schema): Tile[] {
  const wrong = event(s, /crash|error|exception/i, /fail/i);
  const slow = s.properties.find((p) => p.types.includes('number') && /load|latency|duration|(_|\b)ms$/i.test(p.key));
  return lay([
    words('## Is the app well?\nToday against yesterday by the same time, then the last 30 days. What is *dashed* is not complete yet.'),
    number('People today', today, 'hour', { aggregate: 'unique' }),
    number('New people today', today, 'hour', { aggregate: 'first_time' }),
    number('Sessions today', today, 'hour', { aggregate: 'sessions' }),
    number('Events today', today, 'hour', { aggregate: 'total' }),
    {
      w: 8, h: 6, title: 'Active people',
      question: {
        kind: 'trends', range: month, interval: 'day',
        series: [{ id: 'A', label: 'That day', aggregate: 'dau' }, { id: 'B', label: 'In 7 days', aggregate: 'wau' }, { id: 'C', label: 'In 30 days', aggregate: 'mau' }],
      },
    },
    { w: 4, h: 6, title: 'Of those of 30 days, active on a day', question: { kind: 'stickiness', range: month, mode: 'ratio' } },
    wrong
      ? { w: 6, h: 5, title: `What goes wrong: ${wrong}`, view: 'bar', question: { kind: 'trends', range: month, interval: 'day', series: [{ id: 'A', events: [wrong], aggregate: 'total' }] } }
      : undefined,
    slow
      ? {
          w: 6, h: 5, title: `How slow: ${slow.key}`,
          question: {
            kind: 'trends', range: month, interval: 'day',
            series: [{ id: 'A', label: 'Half are below', aggregate: 'median', property: slow.key }, { id: 'B', label: '95 % are below', aggregate: 'p95', property: slow.key }],
          },
        }
      : undefined,
    { w: 6, h: 5, title: 'Length of a session', view: 'average', question: { kind: 'sessions', range: month, interval: 'day' } },
    has(s, '$app_version') ? split('People by version of the app', '$app_version', 6) : undefined,
    has(s, '$os') ? split('People by system', '$os', 6) : undefined,
    { w: 6, h: 5, title: 'Most frequent events', view: 'bar', question: { kind: 'trends', range: month, interval: 'day', series: [{ id: 'A', aggregate: 'total' }], breakdown: [{ property: '$event' }], breakdown_limit: 6 } },
  ]);
}

function activation(s: Schema): Tile[] | string {
  const first = joined(s) ?? opened(s);
  const aim = bought(s) ?? s.events.find((e) => e.name !== first && e.name !== opened(s))?.name;
  if (!first || !aim || first === aim) return 'needs an event with which people begin, such as signed_up, and one that they are to come to';
  const between = [viewed(s), added(s)].filter((e): e is string => !!e && e !== first && e !== aim);
  const steps = [first, ...new Set(between), aim].map((name) => ({ events: [name] }));
  const back = opened(s);
  return lay([
    words(`## Who becomes a user?\nPeople begin with \`${first}\` and have arrived with \`${aim}\`. For other events open a question in Explore, save it, and add it here.`),
    { w: 7, h: 7, title: `From ${first} to ${aim}`, question: { kind: 'funnel', range: month, window: '7d', steps } },
    { w: 5, h: 7, title: 'How long it takes', view: 'time_to_convert', question: { kind: 'funnel', range: month, window: '7d', show: 'time_to_convert', steps: [steps[0], steps.at(-1)] } },
    { w: 7, h: 7, title: 'Who comes back, day by day', question: { kind: 'retention', range: { from: '-14d', to: 'now' }, interval: 'day', periods: 10, start: { events: [first] }, ...(back && back !== first ? { return: { events: [back] } } : {}) } },
    { w: 5, h: 7, title: 'New, returning, dormant', question: { kind: 'lifecycle', range: { from: '-12w', to: 'now' }, interval: 'week' } },
    { w: 12, h: 5, title: 'New people a day', view: 'bar', question: { kind: 'trends', range: month, interval: 'day', series: [{ id: 'A', label: 'New people', aggregate: 'first_time' }] } },
  ]);
}

function revenue(s: Schema): Tile[] | string {
  const buy = bought(s);
  const sum = amount(s);
  if (!buy || !sum) return 'needs an event such as purchase, and a number such as amount';
  const value = { events: [buy], property: sum };
  const steps = [viewed(s), added(s), buy].filter((e): e is string => !!e).map((name) => ({ events: [name] }));
  const week = { from: '-7d', to: 'now' };
  return lay([
    words(`## What do we earn?\nThe sum of \`${sum}\` of \`${buy}\`, the last 7 days against the 7 before.`),
    number('Revenue', week, 'day', { ...value, aggregate: 'sum' }),
    number('Purchases', week, 'day', { events: [buy], aggregate: 'total' }),
    number('Buyers', week, 'day', { events: [buy], aggregate: 'unique' }),
    number('A purchase, on average', week, 'day', { ...value, aggregate: 'avg' }),
    { w: 8, h: 6, title: 'Revenue a day', view: 'bar', question: { kind: 'trends', range: month, interval: 'day', compare: 'previous', series: [{ id: 'A', label: 'Revenue', ...value, aggregate: 'sum' }] } },
    {
      w: 4, h: 6, title: 'Value of a purchase',
      question: {
        kind: 'trends', range: month, interval: 'day',
        series: [{ id: 'A', label: 'On average', ...value, aggregate: 'avg' }, { id: 'B', label: 'Half are below', ...value, aggregate: 'median' }],
      },
    },
    has(s, '$country')
      ? { w: 6, h: 6, title: 'Revenue by country', view: 'bar', question: { kind: 'trends', range: month, interval: 'week', series: [{ id: 'A', label: 'Revenue', ...value, aggregate: 'sum' }], breakdown: [{ property: '$country' }], breakdown_limit: 6 } }
      : undefined,
    steps.length > 1 ? { w: 6, h: 6, title: 'How many get that far', question: { kind: 'funnel', range: month, window: '1d', steps } } : undefined,
    { w: 12, h: 6, title: 'Who buys again, week by week', question: { kind: 'retention', range: { from: '-8w', to: 'now' }, interval: 'week', periods: 7, start: { events: [buy] }, return: { events: [buy] } } },
  ]);
}
