SELECT bit_count(days), count(*) FROM (SELECT bit_or(1 << (day - 20728)) AS days FROM best WHERE day BETWEEN 20728 AND 20757 GROUP BY person)
GROUP BY 1 ORDER BY 1
