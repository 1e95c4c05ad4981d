// How people are called.
import type { Formats } from './format';
import type { Person } from './openapi';

type Named = Pick<Person, 'person' | 'user_id' | 'anonymous_id' | 'traits'>;

/** A trait's value in one line. */
export function valueText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value) ?? '';
}

/** The traits by name, as text. */
export function traitsOf(person: Pick<Person, 'traits'>): [name: string, value: string][] {
  const { traits } = person;
  if (!traits || typeof traits !== 'object') return [];
  return Object.entries(traits).map(([name, value]): [string, string] => [name, valueText(value)]).sort(([a], [b]) => a.localeCompare(b));
}

/** The name that people know somebody by: the trait, else the ids that the app gave. */
export function nameOf(person: Named): string {
  const traits = (person.traits ?? {}) as Record<string, unknown>;
  const told = ['name', '$name', 'email', '$email'].map((key) => traits[key]).find((value) => typeof value === 'string' && value !== '');
  return (told as string | undefined) ?? (person.user_id || person.anonymous_id || person.person);
}

/** Where they are and what they use. */
export function about(person: Pick<Person, 'country' | 'os' | 'app_version'>, formats: Formats): string {
  return [person.country && formats.country(person.country), person.os, person.app_version].filter((part) => part).join(', ');
}
