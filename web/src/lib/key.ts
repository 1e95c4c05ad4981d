// The key that signs in: it comes in the fragment of a link, which browsers send to no server.

/** Takes the key out of a fragment; the rest of the fragment stays. */
export function takeKey(fragment: string): { key: string; rest: string } {
  const parts = fragment.replace(/^#/, '').split('&');
  const found = parts.find((part) => part.startsWith('key='));
  const rest = parts.filter((part) => part !== '' && part !== found).join('&');
  return { key: found ? safeDecode(found.slice(4)) : '', rest: rest ? `#${rest}` : '' };
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text).trim();
  } catch {
    return '';
  }
}

/** Says what is wrong with a pasted key before the server is asked; empty when nothing is. */
export function keyMistake(key: string): string {
  if (key === '') return 'Paste a key.';
  if (key.startsWith('fw_')) return 'This is a write key: it can send events, but not read. Use a read key (fr_…) or an admin key (fa_…).';
  if (!/^f[ra]_/.test(key)) return 'A read key begins with fr_, an admin key with fa_.';
  return '';
}
