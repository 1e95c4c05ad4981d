// Numbers by country, for the map.
import { breakdownName, type Formats } from '../format';
import type { Answer, TrendsAnswer } from './answers';

/** A country's number; the row is that of the answer's series, the code empty for what is no country. */
export type Place = { code: string; name: string; value: number; row: number };

/** Whether an answer has numbers by country. */
export function hasCountries(answer: Answer): answer is TrendsAnswer {
  return answer.kind === 'trends' && answer.question.breakdown?.[0]?.property === '$country' && answer.question.breakdown.length === 1;
}

/** The countries of the first series, the largest number first. */
export function placesOf(answer: TrendsAnswer, formats: Formats): Place[] {
  const first = answer.series[0]?.id;
  return answer.series
    .flatMap((series, row): Place[] => {
      const value = series.breakdown?.[0];
      if (series.id !== first || series.total === null) return [];
      const code = typeof value === 'string' && /^[A-Z]{2}$/.test(value) ? value : '';
      return [{ code, name: breakdownName(value, '$country', formats.locale), value: series.total, row }];
    })
    .sort((a, b) => b.value - a.value);
}
