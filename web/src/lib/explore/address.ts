// The question in the page's address: a link is a share, and going back is undoing.
import type { Form } from './form';
import type { Question } from './question';
import { read } from './read';

/** The address of a question. The project is named where the key does not say it. */
export function address(q: Question, view = '', project?: number, insight = ''): string {
  const query = new URLSearchParams();
  if (project !== undefined) query.set('project', String(project));
  if (insight) query.set('insight', insight);
  query.set('q', JSON.stringify(q));
  if (view) query.set('view', view);
  return `/explore?${query}`;
}

/** Reads an address; one that makes no sense is an empty form. */
export function decode(search: string): Form {
  const query = new URLSearchParams(search);
  let q: unknown;
  try {
    q = JSON.parse(query.get('q') ?? '{}');
  } catch {
    q = {};
  }
  return read(q, query.get('view') ?? '');
}

/** The insight that the question was saved as; empty for a question of its own. */
export function insightIn(search: string): string {
  const id = new URLSearchParams(search).get('insight') ?? '';
  return /^[\w-]{1,64}$/.test(id) ? id : '';
}

/** The project named in an address. */
export function projectIn(search: string): number | undefined {
  const id = new URLSearchParams(search).get('project') ?? '';
  return /^\d{1,10}$/.test(id) ? Number(id) : undefined;
}
