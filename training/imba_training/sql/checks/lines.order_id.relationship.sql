-- is no order of that eval_set in orders
SELECT l.eval_set, l.order_id
FROM lines l
LEFT JOIN orders o ON o.order_id = l.order_id AND o.eval_set = l.eval_set
WHERE o.order_id IS NULL
ORDER BY l.order_id
