// The keys of the page. A key pressed in a field or on a control belongs to it.

export const shortcuts: [key: string, does: string][] = [
  ['/', 'Search the live events'],
  ['p', 'Pause or resume the live events'],
  ['e', 'Choose the event of the trend'],
  ['r', 'Ask again'],
  ['t', 'Theme: as the system, light, dark'],
  ['?', 'Show these shortcuts'],
  ['Esc', 'Close a panel'],
];

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
