-- 1 or more
SELECT eval_set, add_to_cart_order
FROM lines
WHERE add_to_cart_order < 1
