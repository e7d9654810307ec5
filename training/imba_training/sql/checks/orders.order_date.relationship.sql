-- is dated before an earlier order of the same user
SELECT o.order_id
FROM (
    SELECT
        order_id,
        order_date,
        MAX(order_date) OVER (
            PARTITION BY user_id ORDER BY order_number ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS latest_before
    FROM orders
) o
WHERE o.order_date < o.latest_before
ORDER BY o.order_id
