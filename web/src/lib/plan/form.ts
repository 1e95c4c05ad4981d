// What the editor of a plan holds while somebody works on it: the plan with its values as they are typed. What is in a plan
// has a place here, so nothing of it is lost on the way; what has none is refused, with its place.
import type { PlannedEvent, PlannedProperty, TrackingPlan } from '../openapi';
import { Problem } from '../problem';

export const types = ['text', 'number', 'boolean', 'time', 'json'] as const;
export type Type = (typeof types)[number] | '';

export type PropertyForm = { key: string; type: Type; required: boolean; values: string[] };
export type EventForm = { name: string; properties: PropertyForm[] };

export const lists = (type: Type): boolean => type === 'text' || type === 'number';

export function formOf(plan: TrackingPlan): EventForm[] {
  return plan.events.map((e) => ({ name: e.name, properties: (e.properties ?? []).map(propertyForm) }));
}

export function propertyForm(p: PlannedProperty): PropertyForm {
  return { key: p.key, type: p.type ?? '', required: p.required ?? false, values: (p.values ?? []).map(String) };
}

export function planOf(events: EventForm[]): TrackingPlan {
  return {
    events: events.map(({ name, properties }) => ({ name, ...(properties.length > 0 ? { properties: properties.map(planned) } : {}) })),
  };
}

function planned({ key, type, required, values }: PropertyForm): PlannedProperty {
  return {
    key,
    ...(type ? { type } : {}),
    ...(required ? { required } : {}),
    ...(lists(type) && values.length > 0 ? { values: values.map((v) => valueOf(v, type)) } : {}),
  };
}

/** What is no number stays the text that it is, so that the server can say which one. */
function valueOf(text: string, type: Type): unknown {
  const number = Number(text);
  return type === 'number' && text.trim() !== '' && Number.isFinite(number) ? number : text;
}

type Plain = Record<string, unknown>;

export function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new Problem(0, `This is not JSON: ${(error as Error).message}`);
  }
}

/** Reads a document as a form; throws the Problem of what the form could not hold. */
export function read(json: string): EventForm[] {
  const { events } = object(parse(json), '', ['events']);
  return list(events, 'events').map((event, i) => {
    const at = `events[${i}]`;
    const { name, properties = [] } = object(event, at, ['name', 'properties']);
    return {
      name: text(name, `${at}.name`),
      properties: list(properties, `${at}.properties`).map((p, n) => property(p, `${at}.properties[${n}]`)),
    };
  });
}

function property(of: unknown, at: string): PropertyForm {
  const { key, type = '', required = false, values = [] } = object(of, at, ['key', 'type', 'required', 'values']);
  if (type !== '' && !types.includes(type as (typeof types)[number])) {
    throw new Problem(0, `${JSON.stringify(type)} is not one of ${types.join(', ')}`, '', `${at}.type`);
  }
  if (typeof required !== 'boolean') throw new Problem(0, 'This is neither true nor false', '', `${at}.required`);
  const fits = type === 'number' ? 'number' : 'string';
  const listed = list(values, `${at}.values`);
  if (listed.length > 0 && !lists(type as Type)) throw new Problem(0, 'Only values of the type text or number can be listed', '', `${at}.values`);
  listed.forEach((v, i) => {
    if (typeof v !== fits) throw new Problem(0, `The value is not a ${type}`, '', `${at}.values[${i}]`);
  });
  return { key: text(key, `${at}.key`), type: type as Type, required, values: listed.map(String) };
}

function object(of: unknown, at: string, names: string[]): Plain {
  if (of === null || typeof of !== 'object' || Array.isArray(of)) throw new Problem(0, 'This is not an object', '', at);
  const other = Object.keys(of).find((name) => !names.includes(name));
  if (other !== undefined) throw new Problem(0, `A plan has nothing called ${JSON.stringify(other)} here`, '', at ? `${at}.${other}` : other);
  return of as Plain;
}

function list(of: unknown, at: string): unknown[] {
  if (!Array.isArray(of)) throw new Problem(0, 'This is not a list', '', at);
  return of as unknown[];
}

function text(of: unknown, at: string): string {
  if (typeof of !== 'string') throw new Problem(0, 'This is not a text', '', at);
  return of;
}

/** Adds what is not there yet, events and properties of events that are; tells how many of each. What is there stays as it is. */
export function add(events: EventForm[], seen: PlannedEvent[]): { events: number; properties: number } {
  const added = { events: 0, properties: 0 };
  const byName = new Map(events.map((e) => [e.name, e]));
  for (const event of seen) {
    const there = byName.get(event.name);
    const missing = (event.properties ?? []).filter((p) => !there?.properties.some((own) => own.key === p.key)).map(propertyForm);
    if (there) there.properties.push(...missing);
    else events.push({ name: event.name, properties: missing });
    added.events += there ? 0 : 1;
    added.properties += missing.length;
  }
  return added;
}

/** The names of the events that are not the same in two plans. */
export function differences(a: TrackingPlan, b: TrackingPlan): string[] {
  const by = (plan: TrackingPlan) => new Map(formOf(plan).map((e) => [e.name, JSON.stringify(e)]));
  const [one, other] = [by(a), by(b)];
  return [...new Set([...one.keys(), ...other.keys()])].filter((name) => one.get(name) !== other.get(name));
}

/** The event and the property that a refusal is about, by their places; undefined when it is about none of the fields. */
export function placeOf(field: string): { event: number; property?: number } | undefined {
  const found = /^events\[(\d+)\]\.(?:name$|properties\[(\d+)\]\.(?:key|type|values)(?:$|\[))/.exec(field);
  return found ? { event: Number(found[1]), ...(found[2] ? { property: Number(found[2]) } : {}) } : undefined;
}
