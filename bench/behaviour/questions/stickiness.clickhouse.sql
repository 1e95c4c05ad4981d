SELECT bitCount(days) AS k, count() FROM (SELECT groupBitOr(bitShiftLeft(toUInt32(1), day - 20728)) AS days FROM best WHERE day BETWEEN 20728 AND 20757 GROUP BY person)
GROUP BY k ORDER BY k
