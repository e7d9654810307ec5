-- a value is needed
SELECT order_id, user_id, eval_set, order_number
FROM orders
WHERE order_id IS NULL OR user_id IS NULL OR eval_set IS NULL OR order_number IS NULL
