-- A bit for every day on which a person was there; bit 0 is the day before the range.
WITH people AS (SELECT bit_or(1 << (day - 20727)) AS days FROM best WHERE day BETWEEN 20728 AND 20757 GROUP BY person),
kinds AS (SELECT days, count(*) AS n FROM people GROUP BY days)
SELECT d, sum(CASE WHEN today AND NOT earlier THEN n ELSE 0 END)::BIGINT, sum(CASE WHEN today AND before THEN n ELSE 0 END)::BIGINT,
  sum(CASE WHEN today AND earlier AND NOT before THEN n ELSE 0 END)::BIGINT, sum(CASE WHEN before AND NOT today THEN n ELSE 0 END)::BIGINT
FROM (SELECT d, n, (days & (1 << d)) <> 0 AS today, (days & (1 << (d - 1))) <> 0 AS before, (days & ((1 << d) - 1)) <> 0 AS earlier
  FROM kinds, range(1, 31) r(d)) GROUP BY d ORDER BY d
