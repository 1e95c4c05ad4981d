// What the palette offers, and which of it a few typed letters mean.
import { address } from './explore/address';
import { specs } from './explore/kinds';
import { revenue } from './explore/revenue';
import type { CohortHead, InsightHead, Project, Schema } from './openapi';
import { at, places } from './places';

/** Something that can be chosen: an address to go to, or an act of the page by its name. */
export type Entry = { id: string; label: string; note: string; url?: string; act?: string };

export type Known = {
  insights: InsightHead[];
  cohorts: CohortHead[];
  schema: Schema | undefined;
  projects: Project[];
  /** The project as addresses name it. */
  project: number | undefined;
  /** The project that is shown. */
  current: number | undefined;
};

/** As many as fit a screen without making anybody scroll for long. */
const most = 40;

export function entries(known: Known): Entry[] {
  const { project } = known;
  const go = (path: string, more?: Record<string, string>) => at(path, project, more);
  return [
    ...places.map((p) => ({ id: `page ${p.path}`, label: p.label, note: 'page', url: go(p.path) })),
    { id: 'page /cohorts', label: 'Cohorts', note: 'page', url: go('/cohorts') },
    { id: 'new cohort', label: 'New cohort', note: 'people', url: go('/cohorts', { new: '1' }) },
    ...specs.map((s) => ({ id: `ask ${s.kind}`, label: `New question: ${s.label}`, note: s.says, url: address({ kind: s.kind }, '', project) })),
    { id: 'ask revenue', label: 'New question: Revenue', note: 'what is sold', url: address(revenue(known.schema), '', project) },
    ...known.insights.map((i) => ({ id: `insight ${i.id}`, label: i.name, note: `saved ${i.kind}`, url: go('/explore', { insight: i.id }) })),
    ...known.cohorts.map((c) => ({ id: `cohort ${c.id}`, label: c.name, note: 'cohort', url: go('/cohorts', { id: c.id }) })),
    ...(known.schema?.events ?? []).map((e) => ({
      id: `event ${e.name}`, label: e.name, note: 'event over time',
      url: address({ kind: 'trends', range: { from: '-30d', to: 'now' }, interval: 'day', series: [{ id: 'A', events: [e.name], aggregate: 'total' }] }, '', project),
    })),
    ...known.projects
      .filter((p) => p.id !== known.current)
      .map((p) => ({ id: `project ${p.id}`, label: p.name, note: 'project', url: at('/', p.id) })),
    { id: 'act theme', label: 'Change the theme', note: 'system, light, dark', act: 'theme' },
    { id: 'act help', label: 'Keyboard shortcuts', note: '?', act: 'help' },
    { id: 'act out', label: 'Sign out', note: '', act: 'out' },
  ];
}

/**
 * The entries whose label has the typed letters, those first that begin with them, then those with a word that does; at
 * the end the typed text as somebody to look for among the people.
 */
export function matching(all: Entry[], typed: string, project: number | undefined): Entry[] {
  const text = typed.trim().toLowerCase();
  if (!text) return all.slice(0, most);
  const rank = ({ label }: Entry): number => {
    const name = label.toLowerCase();
    if (name.startsWith(text)) return 0;
    if (name.split(/[\s_:.\-/]+/).some((word) => word.startsWith(text))) return 1;
    return name.includes(text) ? 2 : 3;
  };
  const found = all.map((entry) => ({ entry, rank: rank(entry) })).filter((f) => f.rank < 3);
  found.sort((a, b) => a.rank - b.rank);
  const person = { id: 'person', label: `Look for “${typed.trim()}”`, note: 'people', url: at('/people', project, { search: typed.trim() }) };
  return [...found.slice(0, most).map((f) => f.entry), person];
}
