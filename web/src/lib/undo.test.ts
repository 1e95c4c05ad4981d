import { expect, it } from 'vitest';
import { Undo } from './undo';

const noted = (...states: number[]) => {
  const undo = new Undo<{ n: number }>((a, b) => `${a.n} to ${b.n}`);
  for (const n of states) undo.note({ n }, String(n));
  return undo;
};

it('goes back and forth, and forgets what was undone when something else is done', () => {
  const undo = noted(1, 2, 3, 3);
  expect([undo.undoes, undo.redoes]).toEqual(['2 to 3', '']);
  expect(undo.undo()).toEqual({ n: 2 });
  expect(undo.undo()).toEqual({ n: 1 });
  expect([undo.undo(), undo.undoes, undo.redoes]).toEqual([undefined, '', '1 to 2']);
  expect(undo.redo()).toEqual({ n: 2 });
  undo.note({ n: 9 }, '9');
  expect([undo.redo(), undo.redoes, undo.undo()]).toEqual([undefined, '', { n: 2 }]);
});

it('keeps a hundred changes', () => {
  const undo = noted(...Array.from({ length: 301 }, (_, n) => n));
  let n = 0;
  while (undo.undo()) n++;
  expect(n).toBe(100);
});
