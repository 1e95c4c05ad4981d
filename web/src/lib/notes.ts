// What people say of events and properties.
import type { Client } from './api';
import type { Note, NoteWish } from './openapi';

export type About = { kind: 'event' | 'property'; name: string };

const path = { event: '/v1/schema/events/', property: '/v1/schema/properties/' };

/** Describes something, unless somebody else was faster: the version that was read goes along, 0 for nothing said yet. */
export const describe = (client: Client, about: About, version: number, wish: NoteWish): Promise<Note> =>
  client.patch<Note>(path[about.kind] + encodeURIComponent(about.name), wish, version ? { 'If-Match': `"${version}"` } : { 'If-None-Match': '*' });
