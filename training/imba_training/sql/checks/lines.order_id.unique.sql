-- must be unique
SELECT MIN(eval_set) AS eval_set, order_id, product_id
FROM lines
GROUP BY order_id, product_id
HAVING COUNT(*) > 1
ORDER BY order_id, product_id
