-- has no lines although its eval_set says that it was bought
SELECT o.order_id
FROM orders o
LEFT JOIN lines l ON l.order_id = o.order_id
WHERE o.eval_set <> 'test' AND l.order_id IS NULL
ORDER BY o.order_id
