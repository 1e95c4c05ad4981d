SELECT if(grouping(day) = 0, day - 20728, -1), uniqExact(person) FROM best WHERE day BETWEEN 20728 AND 20757 GROUP BY GROUPING SETS ((day), ())
