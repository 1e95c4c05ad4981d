-- A bit for every week in which a person was there, up to the end of the last one; bit 0 is the cut week from 2 October on.
WITH people AS (SELECT bit_or(1 << ((day + 3) // 7 - 2961)) AS weeks FROM best WHERE day BETWEEN 20728 AND 20758 GROUP BY person HAVING min(day) <= 20757),
kinds AS (SELECT weeks, count(*) AS n FROM people GROUP BY weeks)
SELECT first, back - first, sum(n)::BIGINT FROM (SELECT weeks, n, bit_count((weeks & -weeks) - 1) AS first FROM kinds), range(5) r(back)
WHERE weeks & (1 << back) <> 0 GROUP BY ALL ORDER BY ALL
