import { describe, expect, it } from 'vitest';
import { Formats } from './format';
import { freshness, ledgerSentence, letterSize } from './ledger';
import type { DeadLetter, Ledger } from './types';

const formats = new Formats('UTC', 'en');
const total = { accepted: 12345, stored: 12300, duplicate: 45, dead_lettered: 0, expired: 0 };
const ledger: Omit<Ledger, 'watermark'> = { hours: [], total, in_flight: 0, difference: 0, balanced: true };

describe('ledgerSentence', () => {
  it('is an equation', () => {
    expect(ledgerSentence(ledger, formats)).toBe(
      'Ledger balanced: 12,345 accepted = 12,300 stored + 45 duplicate + 0 dead-lettered + 0 in flight',
    );
  });

  it('stays one with events on their way', () => {
    expect(ledgerSentence({ ...ledger, in_flight: 5 }, formats)).toContain('12,350 accepted');
  });

  it('says when it does not balance, and what retention removed', () => {
    expect(ledgerSentence({ ...ledger, difference: 3, balanced: false }, formats)).toContain('Ledger off by 3');
    expect(ledgerSentence({ ...ledger, total: { ...total, expired: 7 } }, formats)).toContain('12,300 stored (7 expired since)');
  });
});

describe('freshness', () => {
  it('tells how far answers reach', () => {
    expect(freshness({ lag: { events: 3, seconds: 0.21 } }, 0, formats)).toBe('everything up to 0.2 sec ago');
    expect(freshness({ lag: { events: 0, seconds: 0 } }, 0, formats)).toBe('everything up to now');
  });

  it('does not promise more than the last status', () => {
    expect(freshness({ lag: { events: 0, seconds: 0 } }, 30, formats)).toBe('everything up to 30 sec ago');
  });
});

describe('letterSize', () => {
  it('counts bytes, not characters', () => {
    const letter = (body: string, encoding?: string) => letterSize({ body, encoding } as DeadLetter);
    expect(letter('ü{')).toBe(3);
    expect(letter('/wAB', 'base64')).toBe(3);
    expect(letter('/w==', 'base64')).toBe(1);
  });
});
