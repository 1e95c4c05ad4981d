// The kinds of questions as the builder offers them. The server decides what is right; this is only what is shown.
import type { Form } from './form';

export type Kind = 'trends' | 'funnel' | 'retention' | 'lifecycle' | 'stickiness' | 'paths' | 'sessions';

export type Choice = { value: string; label: string };

/**
 * A control for one field; a name with a dot is a field of a field. The first choice has the value '' and is what the server does
 * without the field. Where unless holds it means nothing, and is neither shown nor asked.
 */
export type Field = { name: string; label: string; unless?: (form: Form) => boolean } & (
  | { input: 'choice'; choices: Choice[] }
  | { input: 'number'; min: number; max: number; usual: string }
  | { input: 'text'; usual: string; list?: boolean }
  | { input: 'brackets'; usual: string }
  | { input: 'list'; of: 'event' | 'property'; most: number }
  | { input: 'flag' }
  | { input: 'property'; usual: string }
);

export type Spec = {
  kind: Kind;
  label: string;
  /** The question in a few words. */
  says: string;
  /** The events that it is about; `rare` are among the options. */
  selections: { name: string; label: string; none: string; rare?: boolean }[];
  split: boolean;
  compare: boolean;
  intervals: Choice[];
  options: Field[];
  views: Choice[];
};

const words = (usual: string, ...rest: [string, string][]): Choice[] => [
  { value: '', label: usual },
  ...rest.map(([value, label]) => ({ value, label })),
];

const wide = words('Day', ['hour', 'Hour'], ['week', 'Week'], ['month', 'Month']);
const preset: Field = {
  name: 'preset', label: 'Rules of', input: 'choice',
  choices: words('Freshet', ['posthog', 'PostHog'], ['mixpanel', 'Mixpanel'], ['amplitude', 'Amplitude']),
};
const interval = (label: string): Field => ({ name: 'interval', label, input: 'choice', choices: wide });
const lax = ({ options }: Form) => options.order !== 'strict';
const whole = (form: Form) => !form.splits.some((s) => s.property);
const limit: Field = { name: 'breakdown_limit', label: 'Values shown', input: 'number', min: 1, max: 1000, usual: '8', unless: whole };
const week: Field = {
  name: 'week_start', label: 'Weeks begin on', input: 'choice',
  choices: words("the project's day", ...['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'].map((day): [string, string] => [day.toLowerCase(), day])),
  unless: ({ options }) => options.interval !== 'week' && options.window !== 'week',
};
const timezone = (unless?: Field['unless']): Field => ({
  name: 'timezone', label: 'Days by the clock of', input: 'choice', choices: words('The project', ['device', 'Each device']), ...(unless ? { unless } : {}),
});

const signedOut: Field = {
  name: 'signed_out', label: 'After signing out, the phone is', input: 'choice', choices: words("The next user's", ['last_user', "The last user's"]),
};

export const specs: Spec[] = [
  {
    kind: 'trends', label: 'Trends', says: 'How much, over time', selections: [], split: true, compare: true,
    intervals: words('Automatic', ['minute', 'Minute'], ['hour', 'Hour'], ['day', 'Day'], ['week', 'Week'], ['month', 'Month']),
    options: [
      { name: 'cumulative', label: 'Adding up from the start of the range', input: 'flag' },
      { name: 'rolling', label: 'Mean of so many intervals', input: 'number', min: 2, max: 366, usual: 'none' },
      timezone(),
      signedOut,
      limit,
    ],
    views: words('Lines', ['bar', 'Bars'], ['number', 'Number'], ['map', 'Map'], ['table', 'Table']),
  },
  {
    kind: 'funnel', label: 'Funnel', says: 'Who comes from step to step', selections: [], split: true, compare: true, intervals: [],
    options: [
      { name: 'window', label: 'Within', input: 'text', usual: '7d' },
      { name: 'order', label: 'Order', input: 'choice', choices: words('One after the other', ['strict', 'Nothing in between'], ['any', 'Any order']) },
      { name: 'visible', label: 'In between counts', input: 'choice', choices: words('What people do', ['all', 'Every event']), unless: lax },
      { name: 'ignore', label: 'Event that may be in between', input: 'list', of: 'event', most: 100, unless: lax },
      { name: 'unit', label: 'Count', input: 'choice', choices: words('People', ['session', 'Sessions'], ['device', 'Devices'], ['group', 'Groups'], ['expression', 'Values of properties']) },
      { name: 'unit_by', label: 'Property whose values are counted', input: 'list', of: 'property', most: 3, unless: ({ options }) => options.unit !== 'expression' },
      { name: 'entry', label: 'Which entry', input: 'choice', choices: words('The best one', ['first', 'The first one'], ['every', 'Every one']) },
      { name: 'windows', label: 'Windows to compare', input: 'text', usual: '1h, 1d, 7d, 14d, 30d', list: true, unless: ({ view }) => view !== 'window' },
      { ...interval('Every'), unless: ({ view }) => view !== 'trend' },
      { name: 'convert_from', label: 'Time from step', input: 'number', min: 1, max: 20, usual: 'the first', unless: ({ view }) => view !== 'time_to_convert' },
      { name: 'convert_to', label: 'Time to step', input: 'number', min: 1, max: 20, usual: 'the last', unless: ({ view }) => view !== 'time_to_convert' },
      { name: 'mature', label: 'Leave out who may still convert', input: 'flag' },
      {
        name: 'attribution', label: 'Value of the breakdown', input: 'choice',
        choices: words('At the first step', ['last_step', 'At the last step reached'], ['step', 'At one step'], ['first_defined', 'The first there is'], ['all_equal', 'The same at all steps']),
        unless: whole,
      },
      { name: 'attribution_step', label: 'Which step', input: 'number', min: 1, max: 20, usual: 'its number', unless: (form) => whole(form) || form.options.attribution !== 'step' },
      {
        name: 'hold_counts', label: 'Who has several such values', input: 'choice', choices: words('Counts once', ['value', 'Counts once for each']),
        unless: ({ hold }) => !hold.some((p) => p),
      },
      { name: 'exclusion_effect', label: 'An excluded event', input: 'choice', choices: words('Ends the attempt', ['drop_actor', 'Takes the person out']) },
      { name: 'within', label: 'In the range', input: 'choice', choices: words('The entry', ['all_steps', 'All steps']) },
      { name: 'tie', label: 'May change places within', input: 'choice', choices: words('0 s', ['1s', '1 s'], ['2s', '2 s'], ['second', 'the same second']) },
      timezone(),
      signedOut,
      preset,
      { ...week, unless: ({ view, options }) => view !== 'trend' || options.interval !== 'week' },
      limit,
    ],
    views: words('Steps', ['trend', 'Over time'], ['time_to_convert', 'Time to convert'], ['window', 'By window'], ['table', 'Table']),
  },
  {
    kind: 'retention', label: 'Retention', says: 'Who comes back', split: true, compare: false,
    selections: [
      { name: 'start', label: 'People who did', none: 'Any event' },
      { name: 'return', label: 'and came back to', none: 'The same event' },
    ],
    intervals: wide,
    options: [
      { name: 'periods', label: 'So many intervals', input: 'number', min: 1, max: 366, usual: 'automatic', unless: ({ options }) => options.type === 'brackets' },
      { name: 'cohort', label: 'Counting from', input: 'choice', choices: words('The first in the range', ['first_time', 'The first time ever'], ['recurring', 'The first of every interval']) },
      { name: 'type', label: 'Came back', input: 'choice', choices: words('In that interval', ['on_or_after', 'In it or later'], ['brackets', 'In any of several']) },
      { name: 'brackets', label: 'Which intervals', input: 'brackets', usual: '0, 1-3, 4-7, 8-30', unless: ({ options }) => options.type !== 'brackets' },
      { name: 'clock', label: 'Intervals', input: 'choice', choices: words('Of the calendar', ['rolling', 'From the start event on'], ['rolling_hour', 'From its full hour on']) },
      { name: 'zero', label: 'At the beginning', input: 'choice', choices: words('Everybody', ['returned', 'Who returned']) },
      { name: 'attribution', label: 'Value of the breakdown', input: 'choice', choices: words('Of the start event', ['both', 'The same on return']), unless: whole },
      timezone(({ options }) => !!options.clock),
      signedOut,
      preset,
      week,
      limit,
    ],
    views: words('Heat map', ['curve', 'Curves'], ['table', 'Table']),
  },
  {
    kind: 'lifecycle', label: 'Lifecycle', says: 'Who is new, who stays away', split: true, compare: false,
    selections: [{ name: 'active', label: 'Active is who did', none: 'Any event' }],
    intervals: wide,
    options: [
      { name: 'new_by', label: 'New since', input: 'choice', choices: words('The first active event', ['any', 'The first event of any kind']) },
      timezone(),
      signedOut,
      preset,
      week,
      limit,
    ],
    views: words('Bars', ['table', 'Table']),
  },
  {
    kind: 'stickiness', label: 'Stickiness', says: 'How often people come', split: true, compare: false,
    selections: [{ name: 'active', label: 'Active is who did', none: 'Any event' }],
    intervals: wide,
    options: [
      { name: 'mode', label: 'Count who was active', input: 'choice', choices: words('On exactly so many', ['cumulative', 'On so many or more'], ['ratio', 'On a day, of those before']) },
      { name: 'times', label: 'Events that make active', input: 'number', min: 1, max: 1000, usual: '1', unless: ({ options }) => options.mode === 'ratio' },
      { name: 'window', label: 'Each', input: 'choice', choices: words('The whole range', ['day', 'Day (of hours)'], ['week', 'Week'], ['month', 'Month']), unless: ({ options }) => options.mode === 'ratio' },
      { name: 'days', label: 'Of the last days', input: 'choice', choices: words('30', ['7', '7']), unless: ({ options }) => options.mode !== 'ratio' },
      timezone(),
      signedOut,
      preset,
      week,
      limit,
    ],
    views: words('Chart', ['table', 'Table']),
  },
  {
    kind: 'paths', label: 'Paths', says: 'What people do next', split: true, compare: false,
    selections: [
      { name: 'from', label: 'After', none: 'The first event' },
      { name: 'to', label: 'Before', none: 'No matter what' },
      { name: 'through', label: 'Around', none: 'No matter what' },
      { name: 'steps', label: 'A step is', none: 'What people do', rare: true },
    ],
    intervals: [],
    options: [
      { name: 'node', label: 'A step is named by', input: 'property', usual: 'Its event' },
      { name: 'depth', label: 'Steps', input: 'number', min: 1, max: 10, usual: '5' },
      { name: 'nodes', label: 'Values a step', input: 'number', min: 1, max: 100, usual: '10' },
      { name: 'unit', label: 'A path for every', input: 'choice', choices: words('Person', ['sessions', 'Session'], ['transitions', 'Occurrence']) },
      { name: 'window', label: 'Within', input: 'text', usual: 'automatic' },
      { name: 'gap', label: 'Longest pause', input: 'text', usual: "the project's", unless: ({ options }) => !(options.unit || options.preset === 'posthog') || options.unit === 'actors' },
      { name: 'collapse_repeats', label: 'Repeats are one step', input: 'flag' },
      signedOut,
      preset,
      limit,
    ],
    views: words('Flow', ['table', 'Table']),
  },
  {
    kind: 'sessions', label: 'Sessions', says: 'How often and how long', split: true, compare: false,
    selections: [{ name: 'holding', label: 'Sessions with', none: 'Any event' }],
    intervals: words('Day', ['minute', 'Minute'], ['hour', 'Hour'], ['week', 'Week'], ['month', 'Month']),
    options: [
      { name: 'duration.at_least', label: 'Lasting at least', input: 'text', usual: 'any time' },
      { name: 'duration.at_most', label: 'Lasting at most', input: 'text', usual: 'any time' },
      { name: 'event_count.at_least', label: 'Events at least', input: 'number', min: 1, max: 1_000_000, usual: '1' },
      { name: 'event_count.at_most', label: 'Events at most', input: 'number', min: 1, max: 1_000_000, usual: 'any number' },
      { name: 'by', label: 'A session is', input: 'choice', choices: words("The app's, or by the gap", ['gap', 'By the gap alone']) },
      { name: 'gap', label: 'Longest pause', input: 'text', usual: "the project's" },
      { name: 'background', label: 'Longest pause in the background', input: 'text', usual: 'as the longest pause' },
      { name: 'midnight', label: 'Midnight', input: 'choice', choices: words('Goes on', ['cut', 'Ends the session']) },
      { name: 'attribution', label: 'Value of the breakdown', input: 'choice', choices: words('Of the first event', ['last_event', 'Of the last event']), unless: whole },
      timezone(({ options }) => options.midnight === 'cut'),
      signedOut,
      preset,
      week,
      limit,
    ],
    views: words('Sessions', ['average', 'Length'], ['duration', 'How many last how long'], ['bounce', 'Bounces'], ['events', 'Events a session'], ['table', 'Table']),
  },
];

export function specOf(kind: Kind): Spec {
  return specs.find((s) => s.kind === kind)!;
}

export function isKind(text: unknown): text is Kind {
  return specs.some((s) => s.kind === text);
}
