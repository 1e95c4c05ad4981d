import { describe, expect, it } from 'vitest';
import { rows, splitPartial, summary } from './answer';
import { Formats } from './format';
import type { Answer } from './types';

const formats = new Formats('UTC', 'en');

describe('splitPartial', () => {
  it('lets the two lines meet', () => {
    const buckets = [{ start: 'a' }, { start: 'b' }, { start: 'c', partial: true }];
    expect(splitPartial([1, 2, 3], buckets)).toEqual({ whole: [1, 2, null], partial: [null, 2, 3] });
  });

  it('handles all and none', () => {
    expect(splitPartial([1], [{ start: 'a', partial: true }])).toEqual({ whole: [null], partial: [1] });
    expect(splitPartial([1], [{ start: 'a' }])).toEqual({ whole: [1], partial: [null] });
    expect(splitPartial([], [])).toEqual({ whole: [], partial: [] });
  });
});

describe('rows', () => {
  it('names series by their breakdown, or their label', () => {
    const answer = {
      series: [
        { id: 'A', label: 'purchase', values: [1], total: 1 },
        { id: 'A', label: 'purchase', breakdown: ['FR'], values: [1], total: 1 },
        { id: 'A', label: '', values: [], total: null },
      ],
    } as unknown as Answer;
    expect(rows(answer, '$country', formats).map((row) => row.name)).toEqual(['purchase', 'France (FR)', 'All events']);
  });
});

describe('summary', () => {
  it('says what a reader would see', () => {
    expect(summary({ name: 'A', values: [3, null, 1], total: 4 }, formats)).toBe('A: total 4, between 1 and 3');
    expect(summary({ name: 'A', values: [null], total: null }, formats)).toBe('A: no values');
  });
});
