SELECT app_version, 0, quantile_cont(duration, 0.95) FROM best WHERE event = 'product_viewed' AND day BETWEEN 20728 AND 20757 GROUP BY app_version
