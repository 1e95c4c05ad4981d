// The page of the moment, and moving between pages without asking the server for each.

/** Addresses of pages. What SDKs ask a server for, such as /settings, cannot be one. */
export const pages = ['/', '/explore', '/dashboards', '/saved', '/people', '/cohorts', '/data', '/project', '/operations'] as const;
export type Page = (typeof pages)[number];

/** What most pages would lose. */
export const notSaved = 'What was changed is not saved';

export class Router {
  path = $state<Page>(pageOf(location.pathname));
  /** The address's query, with its question mark. */
  search = $state(location.search);
  /** A move that waits for a word, and what it would lose. */
  asking = $state.raw<{ act: () => void; loses: string }>();
  /** Counts moves that a link or the browser made, for those who must start anew then. */
  moves = $state(0);
  private readonly held = new Set<() => string>();
  /** How many entries of the browser's history are before this one. */
  private at = placeIn(history.state) ?? 0;
  /** Going back to where unsaved work is, after the browser has left it. */
  private returning = false;
  /** Somebody has said that the work may be lost. */
  private released = false;

  constructor(
    /** The project that links have to name. */
    private readonly named: () => number | undefined,
  ) {}

  /** Follows the browser's buttons and the links of the page; the returned function ends it. */
  start(): () => void {
    const back = () => this.moved();
    const click = (event: MouseEvent) => this.follow(event);
    const close = (event: BeforeUnloadEvent) => this.loses && event.preventDefault();
    this.mark();
    addEventListener('popstate', back);
    addEventListener('beforeunload', close);
    document.addEventListener('click', click);
    return () => {
      removeEventListener('popstate', back);
      removeEventListener('beforeunload', close);
      document.removeEventListener('click', click);
    };
  }

  /** Asks before the page is left as long as `loses` says what would be lost; the returned function ends it. */
  hold(loses: () => string): () => void {
    this.held.add(loses);
    return () => this.held.delete(loses);
  }

  /** Does what leaves the page, at once if nothing is lost by it. */
  leave(act: () => void): void {
    const { loses } = this;
    if (loses) this.asking = { act, loses };
    else act();
  }

  /** The answer to what is asked. */
  decide(leave: boolean): void {
    const { asking } = this;
    this.asking = undefined;
    if (leave) asking?.act();
  }

  /** Goes to a page, as a link does. */
  go(url: string): void {
    this.leave(() => {
      history.pushState({ at: ++this.at }, '', url);
      this.take();
      scrollTo(0, 0);
    });
  }

  /** Writes an address without going anywhere: the page shows already what it says. */
  note(url: string, replace: boolean): void {
    if (replace) history.replaceState({ at: this.at }, '', url);
    else history.pushState({ at: ++this.at }, '', url);
    this.search = location.search;
  }

  /** Writes the project that is shown into the address. */
  name(project: number): void {
    const query = new URLSearchParams(location.search);
    query.set('project', String(project));
    this.note(`${location.pathname}?${query}${location.hash}`, true);
  }

  private get loses(): string {
    return this.released ? '' : ([...this.held].map((loses) => loses()).find((what) => what) ?? '');
  }

  private mark(): void {
    history.replaceState({ at: this.at }, '');
  }

  /** The browser has moved, with its buttons or to a part of this page. */
  private moved(): void {
    const to = placeIn(history.state);
    const by = (to ?? this.at + 1) - this.at;
    if (this.returning) {
      this.returning = false;
      return;
    }
    const { loses } = this;
    if (by !== 0 && loses && location.pathname + location.search !== this.path + this.search) {
      this.returning = true;
      const act = () => {
        this.released = true;
        history.go(by);
      };
      this.asking = { act, loses };
      history.go(-by);
      return;
    }
    this.at += by;
    if (to === undefined) this.mark();
    this.take();
  }

  private take(): void {
    this.released = false;
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
    // A link that somebody wrote, as those of text cards, stays within the project that it is read in.
    const query = new URLSearchParams(link.search);
    const project = this.named();
    if (project !== undefined && !query.has('project')) query.set('project', String(project));
    this.go(`${link.pathname}${query.size > 0 ? `?${query}` : ''}${link.hash}`);
  }
}

/** The place that an entry of the browser's history was given. */
function placeIn(state: unknown): number | undefined {
  const at = (state as { at?: unknown } | null)?.at;
  return typeof at === 'number' ? at : undefined;
}

function isPage(path: string): path is Page {
  return (pages as readonly string[]).includes(path);
}

function pageOf(path: string): Page {
  return isPage(path) ? path : '/';
}
