-- a value is needed
SELECT user_id, product_id
FROM feature_table
WHERE user_id IS NULL OR product_id IS NULL
