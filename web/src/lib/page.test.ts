import { describe, expect, it } from 'vitest';
import { keyMistake, takeKey } from './key';
import { kept, merge } from './live.svelte';
import { readProblem } from './problem';
import { shortcut, undoing } from './shortcuts';
import type { EventRow } from './types';

describe('takeKey', () => {
  it('takes the key and leaves the rest', () => {
    expect(takeKey('#key=fr_abc')).toEqual({ key: 'fr_abc', rest: '' });
    expect(takeKey('#ledger&key=fr%5Fabc')).toEqual({ key: 'fr_abc', rest: '#ledger' });
    expect(takeKey('#ledger')).toEqual({ key: '', rest: '#ledger' });
    expect(takeKey('#key=%')).toEqual({ key: '', rest: '' });
  });
});

describe('keyMistake', () => {
  it('explains keys that cannot work', () => {
    expect(keyMistake('fr_x')).toBe('');
    expect(keyMistake('fa_x')).toBe('');
    expect(keyMistake('')).toContain('Paste');
    expect(keyMistake('fw_x')).toContain('write key');
    expect(keyMistake('secret')).toContain('fr_');
  });
});

describe('merge', () => {
  const event = (position: number) => ({ id: `e${position}`, kind: 'track', timestamp: '', position }) as EventRow;

  it('puts the newest first, each once, and keeps a bounded number', () => {
    const first = merge([event(1), event(3), event(2)], []);
    expect(first.map((e) => e.position)).toEqual([3, 2, 1]);
    expect(merge([event(3), event(4)], first).map((e) => e.position)).toEqual([4, 3, 2, 1]);
    let all: EventRow[] = [];
    for (let i = 0; i < 1000; i++) all = merge([event(i)], all);
    expect(all).toHaveLength(kept);
    expect(all[0]?.position).toBe(999);
  });
});

describe('readProblem', () => {
  it('reads what the server says', () => {
    const body = JSON.stringify({ title: 'Bad Request', detail: 'no such thing', code: 'bad', field: 'series[0]' });
    expect(readProblem(400, body, null)).toMatchObject({ status: 400, detail: 'no such thing', code: 'bad', field: 'series[0]' });
  });

  it('makes do with less', () => {
    expect(readProblem(502, '<html>', '7')).toMatchObject({ detail: 'the server answered with status 502', wait: 7 });
    expect(readProblem(500, '{"detail":{"a":1}}', 'Tue')).toMatchObject({ detail: 'the server answered with status 500', wait: 0 });
  });
});

describe('shortcut', () => {
  const press = (key: string, tagName: string, more = {}) =>
    shortcut({ key, ctrlKey: false, metaKey: false, altKey: false, target: { tagName } as unknown as EventTarget, ...more });

  it('leaves fields, controls and the browser their keys', () => {
    expect(press('p', 'BODY')).toBe('p');
    expect(press('p', 'BUTTON')).toBe('p');
    expect(press('p', 'INPUT')).toBe('');
    expect(press('r', 'BODY', { ctrlKey: true })).toBe('');
    expect(press(' ', 'BODY')).toBe('p');
    expect(press(' ', 'BUTTON')).toBe('');
  });
});

describe('undoing', () => {
  const press = (key: string, more: object = {}, target: object | null = { tagName: 'BUTTON' }) =>
    undoing({ key, ctrlKey: true, metaKey: false, altKey: false, shiftKey: false, target: target as EventTarget | null, ...more });
  const field = (more: object) => ({ tagName: 'INPUT', type: 'text', getAttribute: () => null, ...more });

  it('goes back and forth', () => {
    expect([press('z'), press('Z', { shiftKey: true }), press('y'), press('a')]).toEqual(['undo', 'redo', 'redo', '']);
    expect(press('z', { ctrlKey: false, metaKey: true })).toBe('undo');
    expect(press('z', { ctrlKey: false })).toBe('');
    expect(press('z', { altKey: true })).toBe('');
  });

  it('leaves fields that are typed into alone', () => {
    const picker = (expanded: string) => field({ getAttribute: (name: string) => (name === 'role' ? 'combobox' : expanded) });
    expect([press('z', {}, field({})), press('z', {}, { tagName: 'TEXTAREA' }), press('z', {}, picker('true'))]).toEqual(['', '', '']);
    expect([press('z', {}, field({ type: 'checkbox' })), press('z', {}, { tagName: 'SELECT' }), press('z', {}, picker('false'))]).toEqual(['undo', 'undo', 'undo']);
  });
});
