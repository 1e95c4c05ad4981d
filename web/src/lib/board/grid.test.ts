import { describe, expect, it } from 'vitest';
import { append, arrange, bottom, columns, earlier, later, newID, reading, resize, step, within, type Place } from './grid';

const tile = (id: string, x: number, y: number, w = 6, h = 4): Place => ({ id, x, y, w, h });
const at = (tiles: Place[], id: string) => {
  const t = tiles.find((one) => one.id === id)!;
  return [t.x, t.y, t.w, t.h];
};

describe('arrange', () => {
  it('lets tiles rise and never lays one over another', () => {
    expect(arrange([tile('a', 0, 9)])).toEqual([tile('a', 0, 0)]);
    let seed = 7;
    const random = (n: number) => (seed = (seed * 48271) % 2147483647) % n;
    for (let round = 0; round < 300; round++) {
      const tiles = Array.from({ length: 1 + random(12) }, (_, i) =>
        within(tile(`t${i}`, random(columns), random(20), 1 + random(columns), 1 + random(8))),
      );
      const held = within({ ...tiles[random(tiles.length)]!, x: random(columns), y: random(30) });
      const done = arrange(tiles, held);
      expect(done).toHaveLength(tiles.length);
      expect(done.find((t) => t.id === held.id)!.x).toBe(held.x);
      for (const [i, a] of done.entries()) {
        expect(a.x + a.w).toBeLessThanOrEqual(columns);
        for (const b of done.slice(i + 1)) {
          expect(a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h).toBe(false);
        }
        if (a.y > 0) expect(done.some((b) => b.y + b.h === a.y && a.x < b.x + b.w && b.x < a.x + a.w)).toBe(true);
      }
      expect(arrange(done)).toEqual(expect.arrayContaining(done));
    }
  });

  it('makes room for the one that is held', () => {
    const tiles = [tile('a', 0, 0), tile('b', 6, 0), tile('c', 0, 4)];
    const moved = arrange(tiles, tile('c', 6, 1));
    expect(at(moved, 'c')).toEqual([6, 0, 6, 4]);
    expect(at(moved, 'b')).toEqual([6, 4, 6, 4]);
    expect(at(moved, 'a')).toEqual([0, 0, 6, 4]);
  });
});

describe('the keyboard', () => {
  const tiles = [tile('a', 0, 0), tile('b', 0, 4)];

  it('moves a tile past another, and stays where there is no way', () => {
    expect(at(step(tiles, 'a', 0, 1), 'a')).toEqual([0, 4, 6, 4]);
    expect(at(step(step(tiles, 'a', 0, 1), 'a', 0, -1), 'a')).toEqual([0, 0, 6, 4]);
    expect(at(step(tiles, 'a', 0, -1), 'a')).toEqual([0, 0, 6, 4]);
    expect(at(step(tiles, 'a', -1, 0), 'a')).toEqual([0, 0, 6, 4]);
    expect(at(step(tiles, 'a', 7, 0), 'a')).toEqual([6, 0, 6, 4]);
  });

  it('resizes within the grid', () => {
    expect(at(resize(tiles, 'a', 99, 5), 'a')).toEqual([0, 0, 12, 5]);
    expect(at(resize(tiles, 'a', 0, 0), 'a')).toEqual([0, 0, 2, 2]);
    expect(at(resize(tiles, 'a', 6, 6), 'b')).toEqual([0, 6, 6, 4]);
  });
});

describe('one column', () => {
  const names = (tiles: Place[]) => reading(tiles).map((t) => t.id).join('');

  it('changes two beside each other, and two above each other', () => {
    const tiles = [tile('a', 0, 0, 8), tile('b', 8, 0, 4), tile('c', 0, 4, 12)];
    expect(earlier(tiles, 'b')).toEqual(expect.arrayContaining([tile('b', 0, 0, 4), tile('a', 4, 0, 8), tile('c', 0, 4, 12)]));
    expect(names(later(tiles, 'a'))).toBe('bac');
    expect([names(earlier(tiles, 'a')), names(later(tiles, 'c'))]).toEqual(['abc', 'abc']);
  });

  it('always gets further, to either end', () => {
    let seed = 11;
    const random = (n: number) => (seed = (seed * 48271) % 2147483647) % n;
    for (let round = 0; round < 300; round++) {
      const tiles = arrange(
        Array.from({ length: 2 + random(9) }, (_, i) => within(tile(`t${i}`, random(columns), random(20), 1 + random(columns), 1 + random(8)))),
      );
      const order = reading(tiles);
      const at = random(order.length);
      const id = order[at]!.id;
      const place = (moved: Place[]) => reading(moved).findIndex((t) => t.id === id);
      const [up, down] = [earlier(tiles, id), later(tiles, id)];
      if (at > 0) expect(place(up)).toBeLessThan(at);
      if (at < order.length - 1) expect(place(down)).toBeGreaterThan(at);
      for (const moved of [up, down]) {
        expect(moved.map((t) => `${t.id} ${t.w} ${t.h}`).sort()).toEqual(tiles.map((t) => `${t.id} ${t.w} ${t.h}`).sort());
        expect(arrange(moved)).toEqual(expect.arrayContaining(moved));
      }
    }
  });
});

it('adds below, with an id of its own', () => {
  const tiles = [tile('t1', 0, 0), tile('t3', 6, 0, 6, 8)];
  expect(newID(tiles)).toBe('t4');
  const all = append(tiles, tile(newID(tiles), 0, 0, 12, 2));
  expect(at(all, 't4')).toEqual([0, 8, 12, 2]);
  expect(bottom(all)).toBe(10);
});
