// What was seen of events and properties, as the editor of a plan offers it.
import type { Option } from '../../components/Combobox.svelte';
import type { Formats } from '../format';
import type { PlannedEvent, Schema, TrackingPlan } from '../openapi';
import { propertyForm, type PropertyForm } from './form';

export class Seen {
  private readonly planned: Map<string, PlannedEvent>;

  /** The proposal is undefined until it is known. */
  constructor(
    private readonly schema: Schema | undefined,
    proposal: TrackingPlan | undefined,
    private readonly formats: Formats,
  ) {
    this.planned = new Map((proposal?.events ?? []).map((e) => [e.name, e]));
  }

  /** The event as the proposal has it; one that was not seen has a name only. */
  event(name: string): PlannedEvent {
    return this.planned.get(name) ?? { name };
  }

  /** How often an event was seen, in words. */
  count(name: string): string {
    const found = this.schema?.events.find((e) => e.name === name);
    return found ? `${this.formats.compact(found.count)} seen` : this.schema ? 'not seen so far' : '';
  }

  events(but: Set<string>): Option[] {
    return (this.schema?.events ?? [])
      .filter((e) => !but.has(e.name))
      .map((e) => ({ value: e.name, label: e.name, note: this.formats.compact(e.count), about: e.description }));
  }

  /** The event's own properties first, then those of others and the built-in ones. */
  properties(event: string, but: Set<string>): Option[] {
    const own = this.event(event).properties ?? [];
    const other = (this.schema?.properties ?? []).filter((p) => !own.some((o) => o.key === p.key));
    return [
      ...own.map((p) => ({ value: p.key, label: p.key, note: [p.type ?? 'several types', p.required ? 'always' : 'sometimes'].join(' · ') })),
      ...other.map((p) => ({ value: p.key, label: p.key, note: 'of other events', about: p.description })),
      ...(this.schema?.columns ?? []).filter((c) => c.name.startsWith('$')).map((c) => ({ value: c.name, label: c.name, note: 'built-in' })),
    ].filter((option) => !but.has(option.value));
  }

  /** What may be expected of a property to begin with. */
  property(event: string, key: string): PropertyForm {
    return propertyForm(this.event(event).properties?.find((p) => p.key === key) ?? { key });
  }
}
