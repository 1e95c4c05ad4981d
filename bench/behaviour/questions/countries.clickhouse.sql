SELECT country, 0, count() AS n FROM best WHERE event = 'purchase' AND day BETWEEN 20728 AND 20757 GROUP BY country ORDER BY n DESC LIMIT 10
