-- Every day's people once, then who they are in all.
WITH seen AS MATERIALIZED (SELECT DISTINCT day, person FROM best WHERE day BETWEEN 20728 AND 20757)
SELECT day - 20728, count(*) FROM seen GROUP BY day UNION ALL SELECT -1, count(DISTINCT person) FROM seen
