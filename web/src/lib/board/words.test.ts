import { expect, it } from 'vitest';
import { blocks, inline } from './words';

it('reads headings, paragraphs and lists', () => {
  expect(blocks('# Why\nbecause\nof it\n\n- one\n- two\n\n- three\n## So')).toEqual([
    { as: 'heading', level: 1, inside: [{ as: 'text', text: 'Why' }] },
    { as: 'paragraph', inside: [{ as: 'text', text: 'because of it' }] },
    { as: 'list', items: [[{ as: 'text', text: 'one' }], [{ as: 'text', text: 'two' }]] },
    { as: 'list', items: [[{ as: 'text', text: 'three' }]] },
    { as: 'heading', level: 2, inside: [{ as: 'text', text: 'So' }] },
  ]);
  expect(blocks('')).toEqual([]);
});

it('reads marks within a line', () => {
  expect(inline('a **b** *c* `d*e*` [f](https://g.example/?h=1)!')).toEqual([
    { as: 'text', text: 'a ' }, { as: 'strong', text: 'b' }, { as: 'text', text: ' ' }, { as: 'emphasis', text: 'c' },
    { as: 'text', text: ' ' }, { as: 'code', text: 'd*e*' }, { as: 'text', text: ' ' },
    { as: 'link', text: 'f', href: 'https://g.example/?h=1' }, { as: 'text', text: '!' },
  ]);
  expect(inline('2 * 3 * 4')).toEqual([{ as: 'text', text: '2 * 3 * 4' }]);
});

it('makes no link that runs or leads away unseen', () => {
  for (const href of ['javascript:alert', 'JaVaScRiPt:x', 'data:text/html,x', '//evil.example', '/\\evil.example', 'vbscript:x']) {
    expect(inline(`[x](${href})`), href).toEqual([{ as: 'text', text: `[x](${href})` }]);
  }
  expect(inline('[x](/explore)')).toEqual([{ as: 'link', text: 'x', href: '/explore' }]);
  expect(blocks('<img src=x onerror=alert(1)>')).toEqual([{ as: 'paragraph', inside: [{ as: 'text', text: '<img src=x onerror=alert(1)>' }] }]);
});
