WITH people AS (SELECT groupBitOr(bitShiftLeft(toUInt64(2), day - 20728)) AS days FROM best WHERE day BETWEEN 20728 AND 20757 GROUP BY person),
kinds AS (SELECT days, count() AS n FROM people GROUP BY days)
SELECT d, sumIf(n, bitTest(days, d) AND bitAnd(days, bitShiftLeft(toUInt64(1), d) - 1) = 0),
  sumIf(n, bitTest(days, d) AND bitTest(days, d - 1)),
  sumIf(n, bitTest(days, d) AND bitAnd(days, bitShiftLeft(toUInt64(1), d) - 1) <> 0 AND NOT bitTest(days, d - 1)),
  sumIf(n, NOT bitTest(days, d) AND bitTest(days, d - 1))
FROM (SELECT days, n, arrayJoin(range(1, 31)) AS d FROM kinds) GROUP BY d ORDER BY d
