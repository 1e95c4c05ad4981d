// What the pickers offer: the events and properties that were seen.
import type { Option } from '../../components/Combobox.svelte';
import type { Formats } from '../format';
import type { CohortHead, Schema } from '../openapi';
import { propertyName, reference, resolve } from './property';
import type { Types } from './question';

export type Offers = {
  events: Option[];
  properties: Option[];
  /** Those of events alone. */
  ofEvents: Option[];
  numbers: Option[];
  types: Types;
  /** Values that a property is known to have, by its reference. */
  values: (reference: string) => string[];
};

export function offers(schema: Schema | undefined, formats: Formats, cohorts: CohortHead[] = []): Offers {
  const ofEvents: Option[] = [
    ...(schema?.properties ?? []).map((p) => ({
      value: reference(p.key), label: p.key,
      note: [p.types.join(', '), p.count === undefined ? '' : formats.compact(p.count)].filter((part) => part).join(' · '),
      about: about(p),
    })),
    ...(schema?.columns ?? []).map((c) => ({ value: c.name, label: c.name, note: c.type })),
  ];
  const properties: Option[] = [
    ...ofEvents,
    ...traits(schema, formats),
    ...cohorts.map((c) => ({ value: `cohort:${c.name}`, label: c.name, note: 'cohort' })),
  ];
  const trait = (name: string) => schema?.traits.find((t) => t.key === name);
  const types: Types = (name, of) => {
    if (of === 'person') return trait(name)?.types ?? [];
    const column = schema?.columns.find((c) => c.name === name);
    return column ? [column.type] : (schema?.properties.find((p) => p.key === name)?.types ?? []);
  };
  return {
    events: (schema?.events ?? []).map((e) => ({ value: e.name, label: e.name, note: formats.compact(e.count), about: about(e) })),
    properties,
    ofEvents,
    numbers: [...ofEvents.filter((p) => types(p.value).includes('number')), ...texts(schema)],
    types,
    values: (name) => {
      const { property = '', of } = resolve(name);
      return of === 'person' ? (trait(property)?.values ?? []).map((v) => String(v.value)) : [];
    },
  };
}

/** Properties that were only ever text, to be read as numbers. */
function texts(schema: Schema | undefined): Option[] {
  return (schema?.properties ?? [])
    .filter((p) => p.types.includes('text') && !p.types.includes('number'))
    .map((p) => reference(p.key, undefined, undefined, 'number'))
    .map((value) => ({ value, label: propertyName(value), note: 'text' }));
}

/** What people say of an event or a property, in one line. */
function about({ description, owner }: { description?: string; owner?: string }): string | undefined {
  return [description?.replace(/\s+/g, ' '), owner ? `(${owner})` : ''].filter((part) => part).join(' ') || undefined;
}

/** The properties of people, as they are now, with how many have them and some of what they have. */
export function traits(schema: Schema | undefined, formats: Formats): Option[] {
  return (schema?.traits ?? []).map((t) => {
    const people = `${t.approximate ? '≈ ' : ''}${formats.compact(t.people)} ${t.people === 1 ? 'person' : 'people'}`;
    const some = t.values.slice(0, 3).map((v) => shortened(String(v.value)));
    return {
      value: reference(t.key, 'person'), label: propertyName(reference(t.key, 'person')),
      note: [t.types.join(', '), people].join(' · '), ...(some.length > 0 ? { about: some.join(', ') } : {}),
    };
  });
}

const shortened = (text: string) => (text.length > 24 ? `${text.slice(0, 23)}…` : text);

/** What a typed property may mean besides what was found: one of the person, as it is now or was then, or text that is a number. */
export function typedProperty(text: string): Option[] {
  return [
    { value: reference(text, 'person'), label: propertyName(reference(text, 'person')), note: 'as it is now' },
    { value: reference(text, 'person', 'event'), label: propertyName(reference(text, 'person', 'event')), note: 'as it was' },
    { value: reference(text, undefined, undefined, 'number'), label: `${text} as a number`, note: 'of text' },
  ];
}
