WITH paths AS (SELECT groupArraySorted(6)((time, seq, event)) AS first, arrayFilter(s -> s.1 <= first[1].1 + 604800000000, first) AS steps FROM best
  WHERE day BETWEEN 20728 AND 20764 AND event <> '$identify' GROUP BY person HAVING first[1].1 < 1793491200000000)
SELECT step, source, target, count() AS n FROM (SELECT arrayJoin(range(5)) AS step, toString(steps[step + 1].3) AS source, toString(steps[step + 2].3) AS target FROM paths)
GROUP BY step, source, target ORDER BY step, source, target
