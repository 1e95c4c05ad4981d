// Lets whatever has work in it be asked about before it is left, without being handed the router.
import { getContext, setContext } from 'svelte';
import type { Router } from '../lib/router.svelte';

const name = Symbol('router');

/** Lets the parts below hold the moves of a router. */
export function provideRouter(router: Router): void {
  setContext(name, router);
}

/** What holds the moves of the page; see Router.hold. */
export function holding(): Router['hold'] {
  const router = getContext<Router>(name);
  return (loses) => router.hold(loses);
}
