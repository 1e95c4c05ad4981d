import { describe, expect, it } from 'vitest';
import type { FunnelAnswer, RetentionAnswer } from '../explore/answers';
import type { Drawing } from '../draw';
import { Formats } from '../format';
import { funnel, heat, numbers, table } from './answer';
import { column, flowing, framed, legend, short, text, type Measure, type Still } from './still';

const formats = new Formats('UTC', 'en');
const measure: Measure = (words, size) => words.length * size * 0.5;
const words = (still: Still) => still.marks.flatMap((mark) => (mark.sort === 'text' ? [mark.text] : []));
const boxes = (still: Still) => still.marks.flatMap((mark) => (mark.sort === 'box' ? [mark] : []));

/** Nothing may be past the edge of its picture. */
function inside(still: Still): void {
  for (const mark of still.marks) {
    const [left, right] =
      mark.sort === 'text'
        ? mark.right ? [mark.x - measure(mark.text, mark.size, mark.bold), mark.x] : [mark.x, mark.x + measure(mark.text, mark.size, mark.bold)]
        : [mark.x, mark.x + mark.width];
    const bottom = mark.y + (mark.sort === 'text' ? mark.size : mark.height);
    expect([left >= -0.01, right <= still.width + 0.01, mark.y >= 0, bottom <= still.height + 0.01], JSON.stringify(mark)).toEqual([true, true, true, true]);
  }
}

const steps = (...counts: number[]) =>
  counts.map((count, i) => ({ label: `s${i}`, count, rate: count / counts[0]!, from_previous: i ? count / counts[i - 1]! : 1, median_ms: i ? 60_000 : undefined }));
const group = (breakdown: string[] | undefined, ...counts: number[]) => ({
  breakdown, entered: counts[0], converted: counts.at(-1), dropped: 1, open: 1, rate: 0.4, rate_all: 0.4, steps: steps(...counts),
});
const asked = { kind: 'funnel', question: { steps: [], breakdown: [{ property: 'plan' }] } };
const one = { ...asked, groups: [group(undefined, 1000, 400)] } as unknown as FunnelAnswer;
const two = { ...asked, groups: [group(['pro'], 10, 4), group(['free'], 8, 8)] } as unknown as FunnelAnswer;
const retention = {
  kind: 'retention', interval: 'day', question: {}, columns: [{ from: 0, to: 0 }, { from: 1, to: 1 }],
  tables: [{
    people: 10, average: [{ count: 10, size: 10, rate: 1 }, { count: 5, size: 10, rate: 0.5 }],
    cohorts: [{ start: '2026-01-01T00:00:00Z', size: 10, partial: true, cells: [{ count: 10, rate: 1, state: 'complete' }, { count: null, rate: null, state: 'future' }] }],
  }],
} as unknown as RetentionAnswer;

describe('a still', () => {
  it('has the numbers of a funnel, and bars in their proportion', () => {
    const still = funnel(one, formats, measure);
    expect(words(still)).toEqual(['40.0%', '400 of 1,000 converted, 1 still may', '1. s0', '1,000', '100%', '2. s1', '400', '40.0%', '40.0% of the step before', 'median 1 min'].map((w) => w.replace('40.0%', formats.share(0.4))));
    expect(boxes(still).filter((b) => b.fill === 'var(--s1)').map((b) => b.height)).toEqual([200, 80]);
    inside(still);
  });

  it('tells groups apart by their colours and names', () => {
    const still = funnel(two, formats, measure);
    expect(words(still)).toEqual(expect.arrayContaining(['pro', 'free']));
    expect(new Set(boxes(still).map((b) => b.fill))).toEqual(new Set(['var(--sunken)', 'var(--edge)', 'var(--s1)', 'var(--s2)']));
    inside(still);
  });

  it('shades what is known of a retention, and leaves the future empty', () => {
    const still = heat(retention, 0, (rate) => rate * 100, formats, measure);
    expect(words(still)).toEqual(expect.arrayContaining(['All', '10', '100%', 'Day 0']));
    expect(boxes(still).map((b) => b.fill)).toEqual(['color-mix(in oklab, var(--heat) 100%, var(--sunken))']);
    inside(still);
  });

  it('has numbers and tables, of which it says when rows are left out', () => {
    inside(numbers([{ name: 'Revenue', values: [], total: 1234.5, before: { values: [], total: 1000 } }], formats, measure));
    expect(words(numbers([{ name: 'a', values: [], total: 12 }], formats, measure))).toEqual(['12', 'a']);
    const rows = Array.from({ length: 250 }, (_, i) => [`row ${i}`, i]);
    const still = table({ columns: [{ name: 'Name', unit: 'text' }, { name: 'Count', unit: 'number' }], rows }, formats, measure);
    expect(words(still).at(-1)).toBe('The first 200 of 250 rows.');
    expect(words(still)).toHaveLength(2 * 201 + 1);
    inside(still);
    const columns = Array.from({ length: 100 }, (_, i) => ({ name: `A column of a name ${i}`, unit: 'number' as const }));
    const wide = table({ columns, rows: [columns.map((_, i) => i)] }, formats, measure);
    expect(words(wide).at(-1)).toMatch(/^The first \d\d of 100 columns\.$/);
    expect(wide.width).toBeLessThanOrEqual(4000);
    inside(wide);
  });

  it('has its title and its time within the frame, however long they are', () => {
    const rows = [{ name: 'a', values: [], total: 3 }, { name: 'b'.repeat(90), values: [], total: null }];
    const lines: Drawing = { rows, labels: [], partial: [], kind: 'line', stacked: false, unit: 'number' };
    const inner = column(8, legend(lines, 300, formats, measure));
    const still = framed(inner, { title: 'A title '.repeat(40), foot: ['1 – 2', 'as of now'] }, measure);
    expect(words(still)[0]).toMatch(/…$/);
    expect(words(still).at(-1)).toBe('1 – 2 · as of now');
    inside(still);
    // What is too long for a line goes on in the next: up to when it is complete is never cut off.
    const long = framed(inner, { title: 'A', part: 'Everybody', foot: ['a range '.repeat(9), 'as of now'] }, measure);
    expect(words(long).slice(0, 2)).toEqual(['A', 'Everybody']);
    expect(words(long).slice(-2)).toEqual(['a range '.repeat(9), 'as of now']);
    inside(long);
  });

  it('cuts words to their room, and breaks lines', () => {
    expect(short('abcdef', 3, (w) => w.length)).toBe('ab…');
    expect(short('abc', 3, (w) => w.length)).toBe('abc');
    const flow = flowing([[text(0, 0, 'a')], [text(0, 0, 'b')]], [60, 60], 100, 20);
    expect(flow.marks.map((mark) => [mark.x, mark.y])).toEqual([[0, 0], [0, 20]]);
  });
});
