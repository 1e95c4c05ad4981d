// What a field means that is left out: by our rules, or by those of another vendor whose preset is chosen. The server fills it in;
// this is only what is shown.
import type { Form } from './form';
import type { Choice, Field, Kind } from './kinds';

type Fields = Partial<Record<Kind, Record<string, string>>>;

/** The words for what we do, of the fields that somebody else does otherwise. */
const ours: Fields = {
  funnel: { entry: 'best', tie: '0s', within: 'entry', exclusion_effect: 'stop_here', attribution: 'first_step', visible: 'actions', hold_counts: 'unit' },
  retention: { cohort: 'first_in_range', type: 'on', clock: 'calendar', zero: 'all', attribution: 'start' },
  lifecycle: { new_by: 'active' },
  paths: { unit: 'actors' },
  sessions: { by: 'client', midnight: 'continue' },
};

const theirs: Record<string, Fields> = {
  posthog: {
    funnel: { window: '14d', within: 'all_steps', exclusion_effect: 'drop_actor', visible: 'all' },
    retention: { cohort: 'recurring', attribution: 'both' },
    lifecycle: { new_by: 'any' },
    paths: { unit: 'transitions', gap: '30min' },
    sessions: { gap: '30min' },
  },
  mixpanel: {
    funnel: { entry: 'first', tie: '2s', attribution: 'first_defined' },
    retention: { cohort: 'recurring', type: 'on_or_after', clock: 'rolling', zero: 'returned' },
    paths: { window: '30d', gap: '30min' },
    sessions: { by: 'gap', midnight: 'cut', gap: '30min' },
  },
  amplitude: {
    funnel: { window: '1d', tie: 'second', hold_counts: 'value' },
    retention: { cohort: 'recurring', type: 'on_or_after', clock: 'rolling_hour', zero: 'returned' },
    lifecycle: { new_by: 'any' },
    paths: { gap: '30min' },
    sessions: { gap: '30min', background: '5min' },
  },
};

/** What the chosen preset fills in; undefined where it leaves our rule. */
function filled({ kind, options, extra }: Form, name: string): string | undefined {
  // Whoever came for the first time stays with the value of that event.
  if (kind === 'retention' && name === 'attribution' && options.cohort === 'first_time') return undefined;
  if (kind === 'paths' && ((name === 'unit' && extra.funnel) || (name === 'window' && options.unit))) return undefined;
  if (name === 'week_start' && options.preset === 'mixpanel') return 'monday';
  if (name === 'signed_out' && options.preset === 'amplitude') return 'last_user';
  return theirs[options.preset ?? '']?.[kind]?.[name];
}

/** The choices of a field. The first one leaves it out, and is called what that means. */
export function choicesOf(form: Form, { name, choices }: Field & { input: 'choice' }): Choice[] {
  const own = { value: name === 'signed_out' ? 'next_user' : (ours[form.kind]?.[name] ?? ''), label: choices[0]!.label };
  const all = [own, ...choices.slice(1)];
  const usual = all.find((c) => c.value === filled(form, name)) ?? own;
  return [{ value: '', label: usual.label }, ...all.filter((c) => c.value && (c !== usual || c.value === form.options[name]))];
}

/** What stands in a field that is left empty. */
export function usualOf(form: Form, { name, usual }: { name: string; usual: string }): string {
  return filled(form, name) ?? usual;
}
