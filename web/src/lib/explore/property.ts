// A property in one word, so that a list can offer those of events beside those of people: "plan" is the event's,
// "person:plan" the person's as it is now, "person@event:plan" the person's as it was then. "number:" before any of them reads
// text as a number. A cohort stands in the place of a property, as "cohort:Buyers".
import type { PropertyRef } from '../openapi';

type Of = Pick<PropertyRef, 'of' | 'at' | 'as'>;

const prefix = /^(event|person|person@event|cohort|number):/;

export type Referred = { property?: string; cohort?: string } & Of;

export const isCohort = (reference: string): boolean => reference.startsWith('cohort:');

export function reference(property: string, of?: string, at?: string, as?: string): string {
  if (as === 'number') return `number:${reference(property, of, at)}`;
  if (of === 'person') return `${at === 'event' ? 'person@event' : 'person'}:${property}`;
  return prefix.test(property) ? `event:${property}` : property;
}

export function resolve(reference: string): Referred {
  const found = prefix.exec(reference);
  const property = found ? reference.slice(found[0].length) : reference;
  if (found?.[1] === 'number') return { ...resolve(property), as: 'number' };
  if (found?.[1] === 'cohort') return { cohort: property };
  if (found?.[1] === 'person') return { property, of: 'person' };
  if (found?.[1] === 'person@event') return { property, of: 'person', at: 'event' };
  return { property };
}

/** The reference in words. */
export function propertyName(reference: string): string {
  const { property = '', cohort, of, at, as } = resolve(reference);
  if (cohort !== undefined) return `Cohort ${cohort}`;
  if (as) return `${propertyName(reference.slice('number:'.length))} as a number`;
  if (of !== 'person') return property;
  return at === 'event' ? `${property} of the person, then` : `${property} of the person`;
}
