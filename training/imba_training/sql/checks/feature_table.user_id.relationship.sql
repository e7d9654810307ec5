-- is not in orders
SELECT f.user_id, f.product_id
FROM feature_table f
LEFT JOIN (SELECT user_id FROM orders GROUP BY user_id) o ON o.user_id = f.user_id
WHERE o.user_id IS NULL
ORDER BY f.user_id
