-- must be one row per pair
SELECT user_id, product_id
FROM feature_table
GROUP BY user_id, product_id
HAVING COUNT(*) > 1
ORDER BY user_id, product_id
