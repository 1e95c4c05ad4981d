SELECT countIf(level >= 1), countIf(level >= 2), countIf(level >= 3)
FROM (SELECT windowFunnel(604800000000)(time, event = 'product_viewed' AND day <= 20757, event = 'product_added', event = 'purchase') AS level
  FROM best WHERE day BETWEEN 20728 AND 20764 AND event IN ('product_viewed', 'product_added', 'purchase') GROUP BY person)
