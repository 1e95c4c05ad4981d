-- The people of this shop keep their country.
SELECT country, count(), countIf(level >= 2), countIf(level >= 3), countIf(level >= 4), countIf(level >= 5)
FROM (SELECT any(country) AS country, windowFunnel(604800000000)(time, event = 'app_opened' AND day <= 20757, event = 'product_viewed',
    event = 'product_added', event = 'checkout_started', event = 'purchase') AS level
  FROM best WHERE day BETWEEN 20728 AND 20764 AND event IN ('app_opened', 'product_viewed', 'product_added', 'checkout_started', 'purchase') GROUP BY person)
WHERE level > 0 GROUP BY country ORDER BY country
