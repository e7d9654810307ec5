-- is not in products
SELECT f.user_id, f.product_id
FROM feature_table f
LEFT JOIN products p ON p.product_id = f.product_id
WHERE p.product_id IS NULL
ORDER BY f.product_id
