// Which part of the builder the server's refusal is about.
import { getContext, setContext } from 'svelte';
import type { Problem } from '../lib/problem';

const name = Symbol('problem');

/** Lets the parts below know the problem of the moment. */
export function provideProblem(problem: () => Problem | undefined): void {
  setContext(name, problem);
}

/** What the server says of the field at a path or of anything in it; empty when it says nothing. */
export function problemAt(): (path: string) => string {
  const problem = getContext<(() => Problem | undefined) | undefined>(name);
  return (path) => {
    const found = problem?.();
    return found && within(found.field, path) ? found.detail : '';
  };
}

export function within(field: string, path: string): boolean {
  return field !== '' && path !== '' && field.startsWith(path) && /^($|[.[])/.test(field.slice(path.length));
}
