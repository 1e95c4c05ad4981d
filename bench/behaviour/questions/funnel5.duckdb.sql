-- A person counts with the attempt that came farthest, and of several such with the one that got there first.
WITH a AS (SELECT person, time, country FROM best WHERE event = 'app_opened' AND day BETWEEN 20728 AND 20757),
b AS (SELECT person, time FROM best WHERE event = 'product_viewed' AND day BETWEEN 20728 AND 20764),
c AS (SELECT person, time FROM best WHERE event = 'product_added' AND day BETWEEN 20728 AND 20764),
d AS (SELECT person, time FROM best WHERE event = 'checkout_started' AND day BETWEEN 20728 AND 20764),
e AS (SELECT person, time FROM best WHERE event = 'purchase' AND day BETWEEN 20728 AND 20764),
attempts AS (SELECT a.person, a.country, a.time AS entry,
    CASE WHEN e.time <= a.time + INTERVAL 7 DAY THEN 5 WHEN d.time <= a.time + INTERVAL 7 DAY THEN 4
      WHEN c.time <= a.time + INTERVAL 7 DAY THEN 3 WHEN b.time <= a.time + INTERVAL 7 DAY THEN 2 ELSE 1 END AS level,
    CASE level WHEN 5 THEN e.time WHEN 4 THEN d.time WHEN 3 THEN c.time WHEN 2 THEN b.time ELSE a.time END AS completed
  FROM a ASOF LEFT JOIN b ON a.person = b.person AND a.time <= b.time ASOF LEFT JOIN c ON b.person = c.person AND b.time <= c.time
    ASOF LEFT JOIN d ON c.person = d.person AND c.time <= d.time ASOF LEFT JOIN e ON d.person = e.person AND d.time <= e.time),
people AS (SELECT max(level) AS level, arg_min(country, ROW(-level, completed, entry)) AS country FROM attempts GROUP BY person)
SELECT country, count(*), count_if(level >= 2), count_if(level >= 3), count_if(level >= 4), count_if(level >= 5)
FROM people GROUP BY country ORDER BY country
