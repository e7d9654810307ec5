-- is not in products
SELECT l.eval_set, l.product_id
FROM lines l
LEFT JOIN products p ON p.product_id = l.product_id
WHERE p.product_id IS NULL
ORDER BY l.product_id
