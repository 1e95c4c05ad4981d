-- Each viewing, the first adding after it, the first purchase after that.
WITH a AS (SELECT person, time FROM best WHERE event = 'product_viewed' AND day BETWEEN 20728 AND 20757),
b AS (SELECT person, time FROM best WHERE event = 'product_added' AND day BETWEEN 20728 AND 20764),
c AS (SELECT person, time FROM best WHERE event = 'purchase' AND day BETWEEN 20728 AND 20764)
SELECT count(DISTINCT a.person),
  count(DISTINCT CASE WHEN b.time <= a.time + INTERVAL 7 DAY THEN a.person END),
  count(DISTINCT CASE WHEN c.time <= a.time + INTERVAL 7 DAY THEN a.person END)
FROM a ASOF LEFT JOIN b ON a.person = b.person AND a.time <= b.time ASOF LEFT JOIN c ON b.person = c.person AND b.time <= c.time
