SELECT day - 20728, count() FROM best WHERE event = 'purchase' AND day BETWEEN 20728 AND 20757 GROUP BY day
