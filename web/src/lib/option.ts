// From rows to what ECharts draws.
import { splitPartial, type Drawing, type Point, type Row } from './draw';
import type { Formats } from './format';
import { shape } from './shapes';
import { cellText } from './table';

export type Colours = { series: string[]; text: string; muted: string; line: string; surface: string; font: string };

type Plain = Record<string, unknown>;

export function option(drawing: Drawing, colours: Colours, formats: Formats): Plain {
  const bar = drawing.kind === 'bar';
  const labels = drawing.labels;
  return {
    animation: false,
    textStyle: { fontFamily: colours.font },
    grid: { left: 4, right: 12, top: 12, bottom: 4, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
    tooltip: {
      trigger: 'axis',
      confine: true,
      className: 'chart-tip',
      backgroundColor: colours.surface,
      borderColor: colours.line,
      textStyle: { color: colours.text },
      axisPointer: { type: bar ? 'shadow' : 'line', lineStyle: { color: colours.muted } },
      formatter: (points: { dataIndex: number }[]) => tip(drawing, points[0]?.dataIndex ?? 0, colours, formats),
    },
    xAxis: {
      type: 'category',
      data: labels,
      boundaryGap: bar,
      axisLine: { lineStyle: { color: colours.line } },
      axisTick: { show: false },
      axisLabel: { color: colours.muted, hideOverlap: true, alignMinLabel: bar ? null : 'left', alignMaxLabel: bar ? null : 'right' },
    },
    yAxis: {
      type: 'value',
      splitNumber: 4,
      splitLine: { lineStyle: { color: colours.line } },
      axisLabel: { color: colours.muted, formatter: (value: number) => axisText(value, drawing, formats) },
      ...(drawing.unit === 'share' ? { min: 0 } : {}),
      // Whole things have no parts, however few they are.
      ...(drawing.unit !== 'share' && drawing.rows.every((row) => row.values.every((v) => v === null || Number.isInteger(v))) ? { minInterval: 1 } : {}),
    },
    series: drawing.rows.flatMap((row, i) => marks(row, i, drawing, colours)),
  };
}

export function colourOf(colours: Colours, i: number): string {
  return colours.series[i % colours.series.length] ?? colours.text;
}

function marks(row: Row, i: number, drawing: Drawing, colours: Colours): Plain[] {
  const colour = colourOf(colours, row.colour ?? i);
  const before = row.before ? [{ ...line(row.before.values, colour), id: `${i} before`, lineStyle: { color: colour, width: 1.5, opacity: 0.45 } }] : [];
  if (drawing.kind === 'bar') return [{ ...bars(row, drawing, colour), id: `${i}` }, ...before];
  const { whole, partial } = splitPartial(row.values, drawing.partial);
  // Of several lines each has points of its own shape; where they are many, some of them.
  const points = drawing.rows.length > 1 ? { symbol: `path://${shape(row.colour ?? i)}`, symbolSize: 8, showSymbol: true, showAllSymbol: 'auto' } : {};
  const area = drawing.kind === 'area' ? { areaStyle: { color: colour, opacity: 0.16 } } : {};
  return [
    { ...line(whole, colour), ...points, ...area, id: `${i}` },
    { ...line(partial, colour), lineStyle: { color: colour, width: 2, type: [4, 4] }, showSymbol: false },
    ...before,
  ];
}

/** The point that a mark of the drawing stands for, by its id. */
export function pointOf(id: string): Point {
  const [row, word] = id.split(' ');
  return { row: Number(row), before: word === 'before' };
}

function line(data: Row['values'], colour: string): Plain {
  return {
    type: 'line',
    data,
    symbol: 'circle',
    symbolSize: 5,
    showSymbol: data.length < 2,
    itemStyle: { color: colour },
    lineStyle: { color: colour, width: 2 },
    emphasis: { disabled: true },
  };
}

function bars(row: Row, drawing: Drawing, colour: string): Plain {
  const data = row.values.map((value, i) =>
    drawing.partial[i]
      ? { value, itemStyle: { color: 'transparent', borderColor: colour, borderWidth: 1.5, borderType: 'dashed' } }
      : value,
  );
  const stack = drawing.stacked ? { stack: 'all' } : {};
  return { type: 'bar', data, ...stack, barMaxWidth: 40, itemStyle: { color: colour }, emphasis: { disabled: true } };
}

/** A number as it is told. */
const toldOf = (value: number, { sided }: Drawing) => (sided ? Math.abs(value) : value);

/** A number on the axis. */
function axisText(value: number, drawing: Drawing, formats: Formats): string {
  if (drawing.unit === 'share') return formats.share(value);
  if (drawing.unit === 'seconds') return formats.span(value);
  return formats.compact(toldOf(value, drawing));
}

/** Builds nodes, not HTML: names come from events, and the page's policy allows no inline styles. */
function tip(drawing: Drawing, at: number, colours: Colours, formats: Formats): HTMLElement {
  const write = (value: number | null | undefined) =>
    cellText(value === null || value === undefined ? null : toldOf(value, drawing), drawing.unit, formats);
  const box = document.createElement('div');
  const head = document.createElement('strong');
  head.textContent = (drawing.labels[at] ?? '') + (drawing.partial[at] ? ' · not complete' : '');
  box.append(head);
  drawing.rows.forEach((row, i) => {
    const entry = document.createElement('div');
    const swatch = document.createElement('i');
    swatch.style.background = colourOf(colours, row.colour ?? i);
    const value = document.createElement('b');
    value.textContent = write(row.values[at]);
    entry.append(swatch, row.name, value);
    if (row.before) entry.append(` before: ${write(row.before.values[at])}`);
    box.append(entry);
  });
  return box;
}
