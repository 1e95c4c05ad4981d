SELECT count() FROM (SELECT person FROM best WHERE day BETWEEN 20728 AND 20757 AND event IN ('product_viewed', 'product_added', 'purchase') GROUP BY person
  HAVING countIf(event = 'product_viewed') >= 5 AND countIf(event = 'product_added') >= 1 AND countIf(event = 'purchase') = 0)
