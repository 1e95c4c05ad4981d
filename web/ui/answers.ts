// What the page shows of an answer, and what the API tells, in the same words.
import type { Page } from 'playwright-core';
import type { Answer } from '../src/lib/explore/answers';
import type { Question } from '../src/lib/explore/question';
import { tableOf } from '../src/lib/explore/tables';
import { Formats } from '../src/lib/format';
import { cellText, type Table } from '../src/lib/table';
import type { Server } from './server';

export const formats = new Formats('UTC', 'en-GB');

/** The rows of the table that the page shows, or has behind a picture for those who do not see it. */
export const rows = (page: Page): Promise<string[][]> =>
  page.getByRole('region', { name: 'The answer' }).locator('tbody tr').evaluateAll((all) =>
    all.map((row) => [...row.children].map((cell) => (cell as HTMLElement).innerText.trim())),
  );

/** The question that the page has written into its address. */
export const asked = (page: Page): Question => JSON.parse(new URL(page.url()).searchParams.get('q')!) as Question;

export const answerOf = (server: Server, q: Question): Promise<Answer> => server.api<Answer>('POST', '/v1/query', q);

export const rowsOf = (table: Table): string[][] => table.rows.map((row) => table.columns.map((column, i) => cellText(row[i], column.unit, formats)));

/** The rows as the API tells them. */
export const told = async (server: Server, q: Question): Promise<string[][]> => rowsOf(tableOf(await answerOf(server, q), formats));
