import { expect, it } from 'vitest';
import { layout } from './sql';

const squeezed = (text: string) => text.replace(/\s+/g, '');

it.each([
  ['SELECT a, b FROM events WHERE a = $1::VARCHAR', 'SELECT a, b\nFROM events\nWHERE a = $1::VARCHAR'],
  [
    'WITH c AS MATERIALIZED (SELECT x FROM (SELECT x FROM events UNION ALL SELECT x FROM events_2) WHERE x IN (1, 2)), m AS (SELECT 1) SELECT count(*) FROM c LEFT JOIN m ON TRUE GROUP BY x',
    [
      'WITH c AS MATERIALIZED (', '  SELECT x', '  FROM (', '    SELECT x', '    FROM events', '    UNION ALL', '    SELECT x', '    FROM events_2', '  )',
      '  WHERE x IN (1, 2)', '),', 'm AS (', '  SELECT 1', ')', 'SELECT count(*)', 'FROM c', 'LEFT JOIN m ON TRUE', 'GROUP BY x',
    ].join('\n'),
  ],
  ["SELECT row_number() OVER (ORDER BY v) FROM t WHERE e NOT IN ('a FROM (SELECT', 'it''s')", "SELECT row_number() OVER (ORDER BY v)\nFROM t\nWHERE e NOT IN ('a FROM (SELECT', 'it''s')"],
  ['', ''],
])('lays out %s', (sql, lines) => {
  expect(layout(sql)).toBe(lines);
  expect(squeezed(layout(sql))).toBe(squeezed(sql));
});
