WITH people AS (SELECT groupBitOr(bitShiftLeft(toUInt8(1), intDiv(day + 3, 7) - 2961)) AS weeks FROM best WHERE day BETWEEN 20728 AND 20758 GROUP BY person HAVING min(day) <= 20757),
kinds AS (SELECT weeks, count() AS n FROM people GROUP BY weeks)
SELECT first, back - first, sum(n) FROM (SELECT weeks, n, bitCount(bitXor(weeks, weeks - 1)) - 1 AS first, arrayJoin(range(5)) AS back FROM kinds)
WHERE bitTest(weeks, back) GROUP BY first, back ORDER BY first, back
