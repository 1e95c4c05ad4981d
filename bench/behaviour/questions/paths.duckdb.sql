-- The first six steps of everybody, within seven days of the first, and how often which follows which.
WITH ranked AS (SELECT person, event, time, row_number() OVER people AS step, first_value(time) OVER people AS first FROM best
  WHERE day BETWEEN 20728 AND 20764 AND event <> '$identify' WINDOW people AS (PARTITION BY person ORDER BY time, seq) QUALIFY step <= 6),
paths AS (SELECT max(CASE step WHEN 1 THEN event END) AS a, max(CASE step WHEN 2 THEN event END) AS b, max(CASE step WHEN 3 THEN event END) AS c,
  max(CASE step WHEN 4 THEN event END) AS d, max(CASE step WHEN 5 THEN event END) AS e, max(CASE step WHEN 6 THEN event END) AS f
  FROM ranked WHERE time <= first + INTERVAL 7 DAY AND first < TIMESTAMP '2026-11-01' GROUP BY person),
kinds AS (SELECT a, b, c, d, e, f, count(*) AS n FROM paths GROUP BY ALL)
SELECT step, source, target, sum(n)::BIGINT AS n FROM (
  SELECT 0 AS step, a AS source, b AS target, n FROM kinds UNION ALL SELECT 1, b, c, n FROM kinds UNION ALL SELECT 2, c, d, n FROM kinds
  UNION ALL SELECT 3, d, e, n FROM kinds UNION ALL SELECT 4, e, f, n FROM kinds) GROUP BY ALL ORDER BY ALL
