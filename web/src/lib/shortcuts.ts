// The keys of the page. A key pressed in a field or on a control belongs to it.

import { places } from './places';

export const shortcuts: [key: string, does: string][] = [
  ['Ctrl K', 'Find a page, an event, a question, a cohort or a person; ⌘ K on a Mac'],
  [`1 – ${places.length}`, places.map((place) => place.label).join(', ')],
  ['/', 'On Home: search the live events'],
  ['p', 'On Home: pause or resume the live events'],
  ['e', 'In Explore: choose the event'],
  ['r', 'In Explore: ask again'],
  ['Ctrl Z', 'In Explore, and while a dashboard is changed: undo; with Shift, redo. ⌘ on a Mac; a field that is typed into has its own'],
  ['e', 'On a dashboard: change it'],
  ['f', 'On a dashboard: full screen'],
  ['↑ ↓ ← →', 'In a table of numbers: to the next number; Enter shows who is behind it'],
  ['t', 'Theme: as the system, light, dark'],
  ['?', 'Show these shortcuts'],
  ['Esc', 'Close a panel'],
];

/** Whether a key press calls the palette; it does so from anywhere, fields included. */
export function summons(press: Pick<Press, 'key' | 'ctrlKey' | 'metaKey' | 'altKey'>): boolean {
  return (press.ctrlKey || press.metaKey) && !press.altKey && press.key.toLowerCase() === 'k';
}

/** Whether a key press undoes or redoes something of the page; in a field that is typed into it is the field's. */
export function undoing(press: Press & { shiftKey: boolean }): 'undo' | 'redo' | '' {
  if (press.ctrlKey === press.metaKey || press.altKey || typing(press.target)) return '';
  const key = press.key.toLowerCase();
  if (key === 'z') return press.shiftKey ? 'redo' : 'undo';
  return key === 'y' && press.ctrlKey && !press.shiftKey ? 'redo' : '';
}

type Element = { tagName?: string; type?: string; isContentEditable?: boolean; getAttribute?: (name: string) => string | null };

/** Fields without text: what is pressed there is not typed. */
const textless = ['checkbox', 'radio', 'button', 'submit', 'range', 'color', 'file'];

function typing(target: EventTarget | null): boolean {
  const e = target as Element | null;
  if (e?.isContentEditable || e?.tagName === 'TEXTAREA') return true;
  if (e?.tagName !== 'INPUT' || textless.includes(e.type ?? '')) return false;
  // A picker that is closed shows what was chosen.
  return !(e.getAttribute?.('role') === 'combobox' && e.getAttribute('aria-expanded') === 'false');
}

type Press = { key: string; ctrlKey: boolean; metaKey: boolean; altKey: boolean; target: EventTarget | null };

/** The shortcut that a key press means; empty when it is not for the page. */
export function shortcut(press: Press): string {
  if (press.ctrlKey || press.metaKey || press.altKey) return '';
  const target = press.target as { tagName?: string; isContentEditable?: boolean } | null;
  const tag = target?.tagName ?? '';
  if (['INPUT', 'SELECT', 'TEXTAREA'].includes(tag) || target?.isContentEditable) return '';
  if (press.key === ' ') return ['BODY', 'HTML'].includes(tag) ? 'p' : '';
  return press.key;
}
