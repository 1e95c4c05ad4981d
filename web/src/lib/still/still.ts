// A picture as it is saved: boxes, words and images in px, which a canvas paints. Colours are expressions of CSS, so that they
// are those of the page in its theme.
import type { Drawing } from '../draw';
import type { Formats } from '../format';
import { shape } from '../shapes';
import { cellText } from '../table';

export type Box = { sort: 'box'; x: number; y: number; width: number; height: number; fill: string };
export type Text = { sort: 'text'; x: number; y: number; text: string; size: number; bold: boolean; fill: string; right: boolean };
export type Picture = { sort: 'image'; x: number; y: number; width: number; height: number; image: CanvasImageSource };
/** A path of a square of 10. */
export type Shape = { sort: 'shape'; x: number; y: number; width: number; height: number; path: string; fill: string };
export type Mark = Box | Text | Picture | Shape;

/** Marks on a ground of a size. */
export type Still = { width: number; height: number; marks: Mark[] };

/** How wide a text is. */
export type Measure = (text: string, size: number, bold: boolean) => number;

export const muted = 'var(--muted)';
export const series = (i: number) => `var(--s${(i % 8) + 1})`;

export const box = (x: number, y: number, width: number, height: number, fill: string): Box => ({ sort: 'box', x, y, width, height, fill });

type Style = { size?: number; bold?: boolean; fill?: string; right?: boolean };

/** Words; y is where their line begins, which is as high as 1.45 of their size. */
export const text = (x: number, y: number, words: string, { size = 13, bold = false, fill = 'var(--text)', right = false }: Style = {}): Text => ({
  sort: 'text', x, y, text: words, size, bold, fill, right,
});

/** As much of a text as fits. */
export function short(words: string, width: number, measure: (words: string) => number): string {
  if (measure(words) <= width) return words;
  let [low, high] = [0, words.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (measure(`${words.slice(0, middle)}…`) <= width) low = middle;
    else high = middle - 1;
  }
  return `${words.slice(0, low)}…`;
}

/** Puts stills one below the other. */
export function column(gap: number, ...parts: Still[]): Still {
  const seen = parts.filter((part) => part.marks.length > 0);
  let y = 0;
  const marks = seen.flatMap((part) => {
    const at = y;
    y += part.height + gap;
    return part.marks.map((mark) => ({ ...mark, y: mark.y + at }));
  });
  return { width: Math.max(0, ...seen.map((part) => part.width)), height: Math.max(0, y - gap), marks };
}

/** Parts one after the other, on as many lines as they need. */
function lines(parts: string[], width: number, measure: (words: string) => number): string[] {
  return parts.reduce<string[]>((made, part) => {
    const longer = made.length > 0 ? `${made.at(-1)} · ${part}` : part;
    return measure(longer) <= width ? [...made.slice(0, -1), longer] : [...made, part];
  }, []);
}

const margin = 16;
/** What is narrower has no room for what is said of it. */
const narrowest = 480;

/** What is said of a still: the question, which part of the answer it shows if it shows one, and the parts of its foot. */
export type Caption = { title: string; part?: string; foot: string[] };

/** A still with its question above it, and below it the time that it is about and up to when it is complete. */
export function framed(inner: Still, { title, part = '', foot }: Caption, measure: Measure): Still {
  const width = Math.max(narrowest, inner.width);
  const fit = (words: string, size: number, bold: boolean) => short(words, width, (w) => measure(w, size, bold));
  const all = column(
    10,
    { width, height: 22, marks: [text(0, 0, fit(title, 15, true), { size: 15, bold: true })] },
    { width, height: 20, marks: part ? [text(0, 0, fit(part, 13, false))] : [] },
    inner,
    ...lines(foot, width, (words) => measure(words, 12, false)).map(
      (words): Still => ({ width, height: 18, marks: [text(0, 0, fit(words, 12, false), { size: 12, fill: muted })] }),
    ),
  );
  return {
    width: width + 2 * margin,
    height: all.height + 2 * margin,
    marks: [
      box(0, 0, width + 2 * margin, all.height + 2 * margin, 'var(--surface)'),
      ...all.marks.map((mark) => ({ ...mark, x: mark.x + margin, y: mark.y + margin })),
    ],
  };
}

/** Words one after the other, and on the next line when there is no more room. */
export function flowing(parts: Mark[][], widths: number[], width: number, line: number): Still {
  let [x, y] = [0, 0];
  const marks = parts.flatMap((part, i) => {
    const own = widths[i] ?? 0;
    if (x > 0 && x + own > width) [x, y] = [0, y + line];
    const at = { x, y };
    x += own + 20;
    return part.map((mark) => ({ ...mark, x: mark.x + at.x, y: mark.y + at.y }));
  });
  return { width, height: y + line, marks };
}

/** The names of a chart's lines with their colours and totals. */
export function legend({ rows, unit, kind }: Drawing, width: number, formats: Formats, measure: Measure): Still {
  const shaped = kind === 'line' && rows.length > 1;
  const entries = rows.map((row, i) => {
    const colour = row.colour ?? i;
    const name = short(row.name, 260, (w) => measure(w, 13, false));
    const total = row.total === null ? '' : cellText(row.total, unit, formats);
    const end = 17 + measure(name, 13, false) + 7;
    return {
      marks: [{ ...box(0, 5, 10, 10, series(colour)), ...(shaped ? { sort: 'shape' as const, path: shape(colour) } : {}) } as Mark, text(17, 0, name), ...(total ? [text(end, 0, total, { bold: true })] : [])],
      width: end + (total ? measure(total, 13, true) : 0),
    };
  });
  return flowing(entries.map((e) => e.marks), entries.map((e) => e.width), width, 22);
}
