-- The 18 features and eleven more: time since the last purchase against the pair's own rhythm, streaks, and the habits of the
-- product's aisle and department. Days count from order to order; they are unknown, and taken as none, where days_since_prior_order is.
--
-- Reads  history, features (the 18), products (product_id, aisle_id, department_id)

WITH visits AS (  -- one row per order, with the day it came on, counted from the user's first
    SELECT
        o.user_id,
        o.order_number,
        SUM(COALESCE(o.days, 0)) OVER (PARTITION BY o.user_id ORDER BY o.order_number) AS day,
        SUM(COALESCE(o.days, 0)) OVER (PARTITION BY o.user_id) AS today,
        MAX(o.order_number) OVER (PARTITION BY o.user_id) AS orders
    FROM (
        SELECT user_id, order_number, MAX(days_since_prior_order) AS days
        FROM history
        GROUP BY user_id, order_number
    ) o
),

purchases AS (
    SELECT
        h.user_id,
        h.product_id,
        h.order_number,
        v.day,
        v.today,
        v.orders,
        ROW_NUMBER() OVER (PARTITION BY h.user_id, h.product_id ORDER BY h.order_number DESC) AS from_last
    FROM history h
    JOIN visits v ON v.user_id = h.user_id AND v.order_number = h.order_number
),

-- A streak of n: bought in each of the last n orders. The k-th purchase from the end belongs to it when it is k orders from the end.
rhythms AS (
    SELECT
        user_id,
        product_id,
        COUNT(*) AS bought,
        MAX(today) - MAX(day) AS days_since_last,
        MAX(day) - MIN(day) AS span,
        SUM(CASE WHEN order_number = orders - from_last + 1 THEN 1 ELSE 0 END) AS streak,
        SUM(CASE WHEN order_number > orders - 3 THEN 1 ELSE 0 END) AS in_last_three,
        SUM(CASE WHEN order_number > orders - 5 THEN 1 ELSE 0 END) AS in_last_five
    FROM purchases
    GROUP BY user_id, product_id
),

shelves AS (
    SELECT h.user_id, p.aisle_id, p.department_id, h.reordered
    FROM history h
    JOIN products p ON p.product_id = h.product_id
),

aisles AS (
    SELECT aisle_id, CAST(SUM(reordered) AS DOUBLE) / COUNT(*) AS reorder_ratio
    FROM shelves
    GROUP BY aisle_id
),

departments AS (
    SELECT department_id, CAST(SUM(reordered) AS DOUBLE) / COUNT(*) AS reorder_ratio
    FROM shelves
    GROUP BY department_id
),

user_aisles AS (
    SELECT user_id, aisle_id, COUNT(*) AS bought, CAST(SUM(reordered) AS DOUBLE) / COUNT(*) AS reorder_ratio
    FROM shelves
    GROUP BY user_id, aisle_id
)

SELECT
    f.*,
    r.days_since_last AS up_days_since_last,
    CAST(r.span AS DOUBLE) / NULLIF(r.bought - 1, 0) AS up_days_between,
    CAST(r.days_since_last AS DOUBLE) * (r.bought - 1) / NULLIF(r.span, 0) AS up_days_overdue,
    CAST(r.streak AS BIGINT) AS up_streak,
    CAST(r.in_last_three AS BIGINT) AS up_in_last_three,
    CAST(r.in_last_five AS BIGINT) AS up_in_last_five,
    a.reorder_ratio AS aisle_reorder_ratio,
    d.reorder_ratio AS department_reorder_ratio,
    s.bought AS user_aisle_bought,
    s.reorder_ratio AS user_aisle_reorder_ratio,
    CAST(r.bought AS DOUBLE) / NULLIF(s.bought, 0) AS up_aisle_share
FROM features f
JOIN rhythms r ON r.user_id = f.user_id AND r.product_id = f.product_id
JOIN products p ON p.product_id = f.product_id
LEFT JOIN aisles a ON a.aisle_id = p.aisle_id
LEFT JOIN departments d ON d.department_id = p.department_id
LEFT JOIN user_aisles s ON s.user_id = f.user_id AND s.aisle_id = p.aisle_id
