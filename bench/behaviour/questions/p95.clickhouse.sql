SELECT app_version, 0, quantileExactInclusive(0.95)(duration) FROM best WHERE event = 'product_viewed' AND day BETWEEN 20728 AND 20757 GROUP BY app_version
