-- must be unique
SELECT user_id, order_number
FROM orders
GROUP BY user_id, order_number
HAVING COUNT(*) > 1
ORDER BY user_id, order_number
