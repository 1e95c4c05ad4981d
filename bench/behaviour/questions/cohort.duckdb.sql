SELECT count(*) FROM (SELECT person FROM best WHERE day BETWEEN 20728 AND 20757 AND event IN ('product_viewed', 'product_added', 'purchase') GROUP BY person
  HAVING count_if(event = 'product_viewed') >= 5 AND count_if(event = 'product_added') >= 1 AND count_if(event = 'purchase') = 0)
