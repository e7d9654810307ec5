-- must be unique
SELECT order_id
FROM orders
GROUP BY order_id
HAVING COUNT(*) > 1
ORDER BY order_id
