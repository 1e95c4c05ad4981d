// The page of the moment, and moving between pages without asking the server for each.

/** Addresses of pages. What SDKs ask a server for, such as /settings, cannot be one. */
export const pages = ['/', '/explore', '/dashboards', '/saved', '/people', '/cohorts', '/data', '/project', '/operations'] as const;
export type Page = (typeof pages)[number];

export class Router {
  path = $state<Page>(pageOf(location.pathname));
  /** The address's query, with its question mark. */
  search = $state(location.search);
  /** Counts moves that a link or the browser made, for those who must start anew then. */
  moves = $state(0);

  /** Follows the browser's buttons and the links of the page; the returned function ends it. */
  start(): () => void {
    const back = () => this.take();
    const click = (event: MouseEvent) => this.follow(event);
    addEventListener('popstate', back);
    document.addEventListener('click', click);
    return () => {
      removeEventListener('popstate', back);
      document.removeEventListener('click', click);
    };
  }

  /** Goes to a page, as a link does. */
  go(url: string): void {
    history.pushState(null, '', url);
    this.take();
    scrollTo(0, 0);
  }

  /** Writes an address without going anywhere: the page shows already what it says. */
  note(url: string, replace: boolean): void {
    if (replace) history.replaceState(null, '', url);
    else history.pushState(null, '', url);
    this.search = location.search;
  }

  /** Writes the project that is shown into the address. */
  name(project: number): void {
    const query = new URLSearchParams(location.search);
    query.set('project', String(project));
    this.note(`${location.pathname}?${query}${location.hash}`, true);
  }

  private take(): void {
    this.path = pageOf(location.pathname);
    this.search = location.search;
    this.moves++;
  }

  private follow(event: MouseEvent): void {
    const link = (event.target as Element | null)?.closest?.('a');
    if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    if (link.target || link.hasAttribute('download') || link.origin !== location.origin || !isPage(link.pathname)) return;
    if (link.hash && link.pathname === location.pathname && link.search === location.search) return;
    event.preventDefault();
    this.go(link.pathname + link.search + link.hash);
  }
}

function isPage(path: string): path is Page {
  return (pages as readonly string[]).includes(path);
}

function pageOf(path: string): Page {
  return isPage(path) ? path : '/';
}
