// Keeps what is chosen in view within a row that scrolls sideways, without moving the page.

/** Scrolls the row just as far as shows the part that the selector finds, now and whenever `on` is another. */
export function inView(row: HTMLElement, { selector }: { selector: string; on: unknown }) {
  const show = () => {
    const chosen = row.querySelector<HTMLElement>(selector);
    if (!chosen) return;
    const [outer, inner] = [row.getBoundingClientRect(), chosen.getBoundingClientRect()];
    if (inner.left < outer.left) row.scrollLeft += inner.left - outer.left;
    else if (inner.right > outer.right) row.scrollLeft += inner.right - outer.right;
  };
  // What is chosen is marked in the document a moment after it is chosen.
  const soon = () => void Promise.resolve().then(show);
  soon();
  return { update: soon };
}
