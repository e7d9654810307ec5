-- a number of days, or empty
SELECT days_since_prior_order
FROM orders
WHERE NOT (days_since_prior_order >= 0 AND days_since_prior_order < 1000000)
