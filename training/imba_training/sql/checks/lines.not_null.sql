-- a value is needed
SELECT eval_set, order_id, product_id, add_to_cart_order, reordered
FROM lines
WHERE order_id IS NULL OR product_id IS NULL OR add_to_cart_order IS NULL OR reordered IS NULL
