// A table of numbers: what is shown, read aloud, and saved as CSV.
import type { Formats } from './format';

export type Unit = 'text' | 'number' | 'share' | 'seconds' | 'milliseconds';

export type Column = { name: string; unit: Unit };

export type Cell = string | number | null;

export type Table = { columns: Column[]; rows: Cell[][] };

export function cellText(cell: Cell | undefined, unit: Unit, formats: Formats): string {
  if (typeof cell === 'string') return cell;
  if (cell === null || cell === undefined) return '–';
  if (unit === 'share') return formats.share(cell);
  if (unit === 'seconds') return formats.seconds(cell);
  if (unit === 'milliseconds') return formats.seconds(cell / 1000);
  return formats.number(cell);
}

/** The table as CSV with plain numbers. A cell that a spreadsheet would take for a formula gets an apostrophe. */
export function csv(table: Table): string {
  const line = (cells: Cell[]) => cells.map(quote).join(',');
  return [line(table.columns.map((c) => c.name)), ...table.rows.map(line)].join('\r\n') + '\r\n';
}

function quote(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell === 'number') return String(cell);
  const safe = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
