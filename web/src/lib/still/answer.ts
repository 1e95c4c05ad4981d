// The pictures that the page makes of text and boxes, drawn for a file: numbers, tables, funnels and heat maps.
import type { FunnelAnswer, RetentionAnswer } from '../explore/answers';
import { ofBefore } from '../explore/steps';
import { groupName, offsetName } from '../explore/tables';
import type { Row } from '../draw';
import type { Formats } from '../format';
import { cellText, type Table } from '../table';
import { box, column, flowing, muted, series, short, text, type Mark, type Measure, type Still } from './still';

export function numbers(rows: Row[], formats: Formats, measure: Measure): Still {
  const parts = rows.map((row) => {
    const before = row.before ? `${formats.number(row.before.total)} before ${formats.change(row.total, row.before.total)}` : '';
    const name = short(row.name, 320, (w) => measure(w, 14, false));
    const marks = [text(0, 0, formats.number(row.total), { size: 40, bold: true }), text(0, 56, name, { size: 14 }), ...(before ? [text(0, 76, before, { fill: muted })] : [])];
    return { marks, width: Math.max(...marks.map((mark) => measure(mark.text, mark.size, mark.bold))) + 24 };
  });
  return flowing(parts.map((p) => p.marks), parts.map((p) => p.width), 720, 104);
}

/** A table of more rows, or wider in px, makes a picture that nobody can look at and some browsers cannot paint. */
const most = { rows: 200, width: 4000 };
const row = 26;

type Cell = { words: string; right?: boolean; bold?: boolean; ground?: string; fill?: string };

/** Cells in columns as wide as what is in them; the first row names the columns. Of more than there is room for it has the first. */
function grid(all: Cell[][], formats: Formats, measure: Measure, ruled: boolean): Still {
  const rows = all.slice(0, most.rows + 1);
  const wide = (cell: Cell | undefined) => (cell ? measure(cell.words, 13, cell.bold ?? false) : 0);
  const widths = (rows[0] ?? []).map((_, i) => Math.min(280, Math.max(...rows.map((cells) => wide(cells[i])))) + 20);
  const lefts = widths.map((_, i) => widths.slice(0, i).reduce((sum, w) => sum + w, 0));
  const columns = lefts.filter((left, i) => left + widths[i]! <= most.width).length;
  const cells = laid(rows.map((cells) => cells.slice(0, columns)), widths.slice(0, columns), lefts, measure, ruled);
  const left = [
    all.length > rows.length && `${formats.number(most.rows)} of ${formats.number(all.length - 1)} rows`,
    widths.length > columns && `${formats.number(columns)} of ${formats.number(widths.length)} columns`,
  ].filter((part) => part);
  const rest = left.length > 0 ? `The first ${left.join(' and ')}.` : '';
  return column(6, cells, { width: measure(rest, 12, false), height: 18, marks: rest ? [text(0, 0, rest, { size: 12, fill: muted })] : [] });
}

function laid(rows: Cell[][], widths: number[], lefts: number[], measure: Measure, ruled: boolean): Still {
  const width = widths.reduce((sum, w) => sum + w, 0);
  const marks = rows.flatMap((cells, r): Mark[] => [
    ...cells.flatMap((cell, c): Mark[] => {
      const [x, room] = [lefts[c]!, widths[c]!];
      const style = { bold: cell.bold ?? false, fill: cell.fill ?? 'var(--text)', right: cell.right ?? false };
      return [
        ...(cell.ground ? [box(x + 1, r * row + 1, room - 2, row - 2, cell.ground)] : []),
        ...(cell.words ? [text(cell.right ? x + room - 10 : x + 10, r * row + 3, short(cell.words, room - 16, (w) => measure(w, 13, style.bold)), style)] : []),
      ];
    }),
    ...(ruled ? [box(0, (r + 1) * row - 1, width, 1, 'var(--line)')] : []),
  ]);
  return { width, height: rows.length * row, marks };
}

export function table(of: Table, formats: Formats, measure: Measure): Still {
  return grid(
    [
      of.columns.map((c) => ({ words: c.name, right: c.unit !== 'text', bold: true, fill: muted })),
      ...of.rows.map((r) => of.columns.map((c, i) => ({ words: cellText(r[i], c.unit, formats), right: c.unit !== 'text' }))),
    ],
    formats, measure, true,
  );
}

/** A table of a retention; shade says how strong the colour of a rate is, in percent. */
export function heat(answer: RetentionAnswer, at: number, shade: (rate: number) => number, formats: Formats, measure: Measure): Still {
  const found = answer.tables[at];
  if (!found) return { width: 0, height: 0, marks: [] };
  const name = groupName(answer, found.breakdown, formats);
  const heads = ['Cohort', 'People', ...answer.columns.map((c) => offsetName(answer.interval, c.from, c.to))];
  const rows: Cell[][] = [
    heads.map((words, i) => ({ words, right: i > 0, bold: true, fill: muted })),
    [
      { words: 'All', bold: true }, { words: formats.number(found.people), right: true, bold: true },
      ...found.average.map((a) => ({ words: formats.share(a.rate), right: true, bold: true })),
    ],
    ...found.cohorts.map((cohort): Cell[] => [
      { words: formats.bucket(cohort.start, answer.interval) + (cohort.partial ? ' *' : '') },
      { words: formats.number(cohort.size), right: true },
      ...cohort.cells.map((cell) =>
        cell.state === 'future' || cell.rate === null
          ? { words: '' }
          : {
              words: formats.share(cell.rate) + (cell.state === 'so_far' ? '*' : ''), right: true,
              ground: `color-mix(in oklab, var(--heat) ${shade(cell.rate)}%, var(--sunken))`,
            },
      ),
    ]),
  ];
  const words = (said: string, style: object) => ({ width: measure(said, 13, false), height: 20, marks: said ? [text(0, 0, said, style)] : [] });
  return column(8, words(name, { bold: true }), grid(rows, formats, measure, false), words('* so far: the time is not over for everybody.', { size: 12, fill: muted }));
}

const high = 200;

export function funnel(answer: FunnelAnswer, formats: Formats, measure: Measure): Still {
  const groups = answer.groups;
  const split = groups.some((g) => g.breakdown);
  const steps = groups[0]?.steps ?? [];
  const wide = Math.max(150, groups.length * 26 + 20);
  const sums = groups.map((g, i): Still => {
    const share = formats.share(g.rate_all);
    const name = split ? groupName(answer, g.breakdown, formats) : '';
    const lead = name ? 17 + measure(name, 13, false) + 10 : 0;
    const said = `${formats.number(g.converted)} of ${formats.number(g.entered)} converted${g.open ? `, ${formats.number(g.open)} still may` : ''}`;
    const x = lead + measure(share, 18, true) + 8;
    return {
      width: x + measure(said, 13, false), height: 26,
      marks: [
        ...(name ? [box(0, 8, 10, 10, series(i)), text(17, 3, name)] : []),
        text(lead, 0, share, { size: 18, bold: true }), text(x, 5, said, { fill: muted }),
      ],
    };
  });
  const bars = steps.flatMap((step, s): Mark[] => {
    const x = s * (wide + 10);
    const each = Math.min(200, (wide - 3 * (groups.length - 1)) / groups.length);
    const fit = (words: string, bold = false) => short(words, wide, (w) => measure(w, 13, bold));
    return [
      ...groups.flatMap((g, i): Mark[] => {
        const tall = g.entered > 0 ? Math.max(2, ((g.steps[s]?.count ?? 0) / g.entered) * high) : 2;
        const left = x + i * (each + 3);
        return [box(left, 0, each, high, 'var(--sunken)'), box(left, high - tall, each, tall, series(i))];
      }),
      box(x, high, wide, 1, 'var(--edge)'),
      text(x, high + 8, fit(`${s + 1}. ${step.label || 'Any event'}`, true), { bold: true }),
      ...groups.flatMap((g, i) => {
        const marks = figures(g.steps[s]!, split || s === 0 ? '' : ofBefore(answer, s), formats, measure);
        const all = split ? [box(-15, 5, 10, 10, series(i)), ...marks] : marks;
        return all.map((mark) => ({ ...mark, x: mark.x + x + (split ? 15 : 0), y: mark.y + high + 28 + i * 20 }));
      }),
    ];
  });
  const lines = split ? groups.length : 3;
  return column(10, ...sums, { width: steps.length * (wide + 10) - 10, height: high + 28 + lines * 20, marks: bars });
}

/** What is said of a step of a group: how many, and where there is room how they came there, of which step before. */
function figures(step: FunnelAnswer['groups'][number]['steps'][number], before: string, formats: Formats, measure: Measure): Mark[] {
  const count = formats.number(step.count);
  const marks: Mark[] = [text(0, 0, count, { bold: true }), text(measure(count, 13, true) + 6, 0, formats.share(step.rate), { fill: muted })];
  if (!before) return marks;
  marks.push(text(0, 20, `${formats.share(step.from_previous)} ${before}`, { size: 12, fill: muted }));
  if (step.median_ms !== undefined) marks.push(text(0, 40, `median ${formats.span(step.median_ms / 1000)}`, { size: 12, fill: muted }));
  return marks;
}
