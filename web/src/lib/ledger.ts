// The ledger in words: accepted = stored + duplicate + dead-lettered + in flight.
import type { Formats } from './format';
import type { DeadLetter, Ledger, Status } from './types';

/** All that was acknowledged: what is on its way is in no hour yet. */
export const accepted = (ledger: Pick<Ledger, 'total' | 'in_flight'>): number => ledger.total.accepted + ledger.in_flight;

export function ledgerSentence(ledger: Omit<Ledger, 'watermark'>, formats: Formats): string {
  const n = (value: number | undefined) => formats.number(value ?? 0);
  const { total } = ledger;
  const parts = [
    `${n(total.stored)} stored` + (total.expired ? ` (${n(total.expired)} expired since)` : ''),
    `${n(total.duplicate)} duplicate`,
    `${n(total.dead_lettered)} dead-lettered`,
    `${n(ledger.in_flight)} in flight`,
  ];
  const sum = `${n(accepted(ledger))} accepted = ${parts.join(' + ')}`;
  if (ledger.balanced) return `Ledger balanced: ${sum}`;
  return `Ledger off by ${n(ledger.difference)}: ${sum}`;
}

/** How far the answers reach. `age` is how long ago the status itself arrived, in seconds. */
export function freshness(status: Pick<Status, 'lag'>, age: number, formats: Formats): string {
  const seconds = (status.lag.seconds) + (age > 3 ? age : 0);
  if (seconds < 0.05) return 'everything up to now';
  return `everything up to ${formats.seconds(seconds)} ago`;
}

/** How many bytes of a dead letter were kept. */
export function letterSize(letter: DeadLetter): number {
  if (letter.encoding === 'base64') {
    const padding = /=*$/.exec(letter.body)?.[0].length ?? 0;
    return (letter.body.length / 4) * 3 - padding;
  }
  return new TextEncoder().encode(letter.body).length;
}
