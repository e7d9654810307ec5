-- The order to be predicted of each user who has one: orders before it are history, and it and what follows are not.
--
-- Reads  orders (order_id, user_id, eval_set, order_number, order_date)
--
-- as_of is the only parameter of the pipeline:
--   'split'       the train or test order, as Kaggle divides the data
--   'last'        the test order; everything that is known to be bought is history (what a service should be fed)
--   '2026-05-01'  the first order on or after that day; needs order_date
--   '5'           the order with that number
--   '-1'          the last known order, '-2' the one before it, ...

WITH parameter AS (
    SELECT 'split' AS as_of
),

known AS (
    SELECT user_id, MAX(order_number) AS orders
    FROM orders
    WHERE eval_set <> 'test'
    GROUP BY user_id
)

SELECT
    o.user_id,
    MIN(o.order_number) AS order_number
FROM orders o
CROSS JOIN parameter p
LEFT JOIN known k ON k.user_id = o.user_id
WHERE CASE
    WHEN o.eval_set = 'test' THEN 1
    WHEN p.as_of = 'split' THEN CASE WHEN o.eval_set = 'train' THEN 1 ELSE 0 END
    WHEN p.as_of = 'last' THEN 0
    WHEN p.as_of LIKE '____-__-__' THEN CASE WHEN o.order_date >= p.as_of THEN 1 ELSE 0 END
    WHEN p.as_of LIKE '-%' THEN CASE WHEN o.order_number - k.orders > CAST(p.as_of AS INTEGER) THEN 1 ELSE 0 END
    ELSE CASE WHEN o.order_number >= CAST(p.as_of AS INTEGER) THEN 1 ELSE 0 END
END = 1
GROUP BY o.user_id
