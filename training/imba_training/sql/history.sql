-- What is known: the lines of the orders before the one to be predicted. Features are made of these rows and of nothing else.
--
-- Reads  orders, lines, cutoffs

SELECT
    o.user_id,
    l.product_id,
    l.order_id,
    o.order_number,
    o.days_since_prior_order,
    l.add_to_cart_order,
    l.reordered
FROM lines l
JOIN orders o ON o.order_id = l.order_id
LEFT JOIN cutoffs c ON c.user_id = o.user_id
WHERE c.user_id IS NULL OR o.order_number < c.order_number
