-- comes after the user's train or test order, which must be the last
SELECT o.order_id
FROM orders o
JOIN (
    SELECT user_id, MIN(order_number) AS order_number
    FROM orders
    WHERE eval_set <> 'prior'
    GROUP BY user_id
) t ON t.user_id = o.user_id
WHERE o.order_number > t.order_number
ORDER BY o.order_id
