import { describe, expect, it } from 'vitest';
import { breakdownName, Formats } from './format';

const en = new Formats('Europe/Berlin', 'en-GB');
const us = new Formats('UTC', 'en-US');
const de = new Formats('Europe/Berlin', 'de-DE');

describe('Formats', () => {
  it('writes short times', () => {
    const formats = new Formats('UTC', 'en-GB');
    expect([0.44, 12.6, 999, 1500].map((ms) => formats.milliseconds(ms))).toEqual(['0.4 ms', '13 ms', '999 ms', '1.5 secs']);
  });

  it('writes numbers as the language does', () => {
    expect(en.number(1234567)).toBe('1,234,567');
    expect(de.number(1234567.5)).toBe('1.234.568');
    expect(de.number(12.3456789)).toBe('12,3457');
    expect(en.number(-0.5)).toBe('-0.5');
    expect(en.number(9007199254740991)).toBe('9,007,199,254,740,991');
  });

  it('has a dash for what is not known', () => {
    for (const value of [null, undefined, NaN, Infinity]) expect(en.number(value)).toBe('–');
  });

  it('tells a change, unless it says nothing', () => {
    expect(en.change(150, 100)).toBe('+50%');
    expect(en.change(97.5, 100)).toBe('-2.5%');
    expect(en.change(5, -10)).toBe('+150%');
    expect(en.change(5, 0)).toBe('');
    expect(en.change(null, 3)).toBe('');
  });

  it('writes the times of an answer in its own zone, and what the clocks of devices showed as they showed it', () => {
    expect(en.of('Asia/Tokyo').minute('2026-06-30T22:00:00Z')).toBe('1 Jul 2026, 07:00');
    expect(en.of('device').bucket('2026-06-30T00:00:00Z', 'day')).toBe('Tue 30 Jun');
    expect([en.of('Europe/Berlin'), en.of('Mars/Base')]).toEqual([en, en]);
    expect(en.of('Asia/Tokyo')).toBe(en.of('Asia/Tokyo'));
  });

  it('writes times in the zone of the project, also when clocks change', () => {
    expect(en.clock('2026-03-29T00:59:59Z')).toBe('01:59:59');
    expect(en.clock('2026-03-29T01:00:00Z')).toBe('03:00:00');
    expect(en.bucket('2026-06-30T22:00:00Z', 'day')).toBe('Wed 1 Jul');
    expect(en.bucket('2026-06-30T22:00:00Z', 'month')).toBe('Jul 2026');
    expect(en.bucket('2026-06-30T22:15:00Z', 'minute')).toBe('00:15');
  });

  it('shows what is no time as it is, and takes UTC for a zone that is none', () => {
    expect(en.clock('never')).toBe('never');
    expect(new Formats('Mars/Olympus').zone).toBe('UTC');
  });

  it('says up to when something is complete', () => {
    const formats = new Formats('UTC', 'en-GB');
    const now = Date.parse('2026-06-02T15:00:00Z');
    expect(formats.asOf({ position: 5, time: '2026-06-02T14:59:58Z' }, now)).toBe('as of 14:59:58');
    expect(formats.asOf({ position: 5, time: '2026-06-01T14:59:58Z' }, now)).toBe('as of 1 Jun 2026, 14:59');
    const preview = { from: 9, to: 12, since: '2026-06-02T14:59:59Z', until: '2026-06-02T15:00:00Z' };
    expect(formats.asOf({ position: 5, time: '2026-06-02T13:00:00Z', preview }, now)).toBe('as of 13:00:00, and since 14:59:59');
    expect(formats.asOf({ position: 0, time: '0001-01-01T00:00:00Z' }, now)).toBe('before the first event');
  });

  it('chooses the unit of a length of time and of bytes', () => {
    expect(us.seconds(0.23)).toBe('0.2 sec');
    expect(us.seconds(45)).toBe('45 sec');
    expect(us.seconds(600)).toBe('10 min');
    expect(us.seconds(7200)).toBe('2 hr');
    expect(en.bytes(1)).toBe('1 byte');
    expect(en.bytes(42)).toBe('42 bytes');
    expect(en.bytes(64_000)).toBe('64 kB');
  });
});

describe('breakdownName', () => {
  it('puts the special values and countries into words', () => {
    expect(breakdownName('$none', 'plan')).toBe('(not set)');
    expect(breakdownName('$other', 'plan')).toBe('(all others)');
    expect(breakdownName('DE', '$country', 'en')).toBe('Germany (DE)');
    expect(breakdownName('DE', 'plan', 'en')).toBe('DE');
    expect(breakdownName(false, 'gift')).toBe('false');
    expect(breakdownName(0, 'amount')).toBe('0');
  });
});
