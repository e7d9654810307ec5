-- 1 or more
SELECT order_number
FROM orders
WHERE order_number < 1
