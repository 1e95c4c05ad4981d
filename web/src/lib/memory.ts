// What the browser remembers. Storage may be forbidden or full; then the page forgets, and works.

export function recall(name: string): string {
  try {
    return localStorage.getItem(`freshet.${name}`) ?? '';
  } catch {
    return '';
  }
}

export function remember(name: string, value: string): void {
  try {
    if (value) localStorage.setItem(`freshet.${name}`, value);
    else localStorage.removeItem(`freshet.${name}`);
  } catch {
    // See above.
  }
}
