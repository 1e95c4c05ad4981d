// A table of numbers that can be chosen is one stop of the Tab key; the arrows lead from number to number.

/** Whether a key leads to another number, and where: rows, then columns. */
const ways: Record<string, [down: number, right: number]> = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] };

/** The button of a table that is next in a direction; undefined at its edge. */
function next(table: HTMLTableElement, from: HTMLButtonElement, [down, right]: [number, number]): HTMLButtonElement | undefined {
  const row = from.closest('tr')!;
  if (right !== 0) {
    const all = [...row.querySelectorAll('button')];
    return all[all.indexOf(from) + right];
  }
  const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
  const column = from.closest('td')!.cellIndex;
  for (let at = rows.indexOf(row) + down; rows[at]; at += down) {
    const all = [...rows[at]!.querySelectorAll('button')];
    const near = (button: HTMLButtonElement) => Math.abs(button.closest('td')!.cellIndex - column);
    const found = all.sort((a, b) => near(a) - near(b))[0];
    if (found) return found;
  }
  return undefined;
}

export function rove(table: HTMLTableElement) {
  const buttons = () => [...table.querySelectorAll<HTMLButtonElement>('tbody button')];
  let current: HTMLButtonElement | undefined;

  /** Exactly one of the buttons takes the focus: the one that had it last, if it is still there. */
  function stop(wanted = current) {
    const all = buttons();
    current = wanted && all.includes(wanted) ? wanted : all[0];
    for (const button of all) button.tabIndex = button === current ? 0 : -1;
  }
  function focused(event: FocusEvent) {
    if (event.target instanceof HTMLButtonElement) stop(event.target);
  }
  function key(event: KeyboardEvent) {
    const way = ways[event.key];
    if (!way || event.ctrlKey || event.metaKey || event.altKey || !(event.target instanceof HTMLButtonElement)) return;
    event.preventDefault();
    next(table, event.target, way)?.focus();
  }

  const changed = new MutationObserver(() => stop());
  changed.observe(table, { childList: true, subtree: true });
  table.addEventListener('focusin', focused);
  table.addEventListener('keydown', key);
  stop();
  return {
    destroy() {
      changed.disconnect();
      table.removeEventListener('focusin', focused);
      table.removeEventListener('keydown', key);
    },
  };
}
