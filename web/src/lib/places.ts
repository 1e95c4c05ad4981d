// The places that the bar, the digits of the keyboard and the palette lead to.
import type { Page } from './router.svelte';

export type Place = { path: Page; label: string; also?: readonly Page[] };

/** The pages in the order of the bar; `also` are those that belong to one of them. */
export const places: readonly Place[] = [
  { path: '/', label: 'Home' },
  { path: '/explore', label: 'Explore' },
  { path: '/dashboards', label: 'Dashboards' },
  { path: '/saved', label: 'Saved' },
  { path: '/people', label: 'People', also: ['/cohorts'] },
  { path: '/data', label: 'Data' },
  { path: '/project', label: 'Settings' },
  { path: '/operations', label: 'Operations' },
];

/** Whether a page is a place, or belongs to it. */
export function within(place: Place, page: Page): boolean {
  return place.path === page || (place.also ?? []).includes(page);
}

/** An address with the project in it, where the key does not say it. */
export function at(path: string, project: number | undefined, more: Record<string, string> = {}): string {
  const query = new URLSearchParams(more);
  if (project !== undefined) query.set('project', String(project));
  return query.size > 0 ? `${path}?${query}` : path;
}
