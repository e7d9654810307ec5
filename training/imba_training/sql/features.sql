-- The 18 features of every (user, product) pair: one row per pair that occurs in the history.
--
-- Reads  history (user_id, product_id, order_number, days_since_prior_order, add_to_cart_order, reordered)
-- Types  days_since_prior_order is DOUBLE, everything else BIGINT or INTEGER.
--
-- Standard SQL that DuckDB, Athena (Trino), Spark SQL and DataFusion all run. Avoided for that: integer division (it truncates
-- in Athena, not in DuckDB and Spark: every division is between DOUBLEs), division by zero (an error in Athena: NULLIF makes it
-- NULL, which is "missing" to the model), QUALIFY, FILTER, GROUP BY ALL, `::` casts, USING, lateral column aliases, MOD() (`%` is
-- known to all), hash functions (each engine has its own) and a RANK over all lines (a product's k-th order by a user exists
-- exactly when the pair has k orders).

WITH pairs AS (  -- one pass over the lines; users and products are summed up from the pairs
    SELECT
        user_id,
        product_id,
        COUNT(*) AS orders,
        MIN(order_number) AS first_order,
        MAX(order_number) AS last_order,
        SUM(add_to_cart_order) AS cart_positions,
        SUM(reordered) AS reorders,
        SUM(CASE WHEN order_number > 1 THEN 1 ELSE 0 END) AS later_lines,
        SUM(days_since_prior_order) AS days,
        COUNT(days_since_prior_order) AS lines_with_days
    FROM history
    GROUP BY user_id, product_id
),

product_totals AS (
    SELECT
        p.product_id,
        SUM(p.orders) AS orders,
        SUM(p.reorders) AS reorders,
        COUNT(*) AS first_orders,
        SUM(CASE WHEN p.orders > 1 THEN 1 ELSE 0 END) AS second_orders
    FROM pairs p
    GROUP BY p.product_id
),

-- Days are summed over lines, not over orders: an order of ten lines counts ten times.
users AS (
    SELECT
        p.user_id,
        MAX(p.last_order) AS orders,
        COUNT(*) AS distinct_products,
        SUM(p.orders) AS total_products,
        SUM(p.reorders) AS reorders,
        SUM(p.later_lines) AS later_lines,
        SUM(p.days) AS days,
        SUM(p.lines_with_days) AS lines_with_days
    FROM pairs p
    GROUP BY p.user_id
)

SELECT
    p.user_id,
    p.product_id,
    p.orders AS up_orders,
    CAST(u.days AS DOUBLE) / NULLIF(u.lines_with_days, 0) AS user_mean_days_since_prior,
    CAST(u.days AS DOUBLE) AS user_period,
    u.distinct_products AS user_distinct_products,
    CAST(u.reorders AS DOUBLE) / NULLIF(u.later_lines, 0) AS user_reorder_ratio,
    CAST(u.total_products AS BIGINT) AS user_total_products,
    CAST(p.cart_positions AS DOUBLE) / p.orders AS up_average_cart_position,
    p.first_order AS up_first_order,
    u.orders AS user_orders,
    p.last_order AS up_last_order,
    CAST(g.orders AS BIGINT) AS prod_orders,
    CAST(g.second_orders AS DOUBLE) / NULLIF(g.first_orders, 0) AS prod_reorder_probability,
    1 + CAST(g.reorders AS DOUBLE) / NULLIF(g.first_orders, 0) AS prod_reorder_times,
    CAST(g.reorders AS DOUBLE) / NULLIF(g.orders, 0) AS prod_reorder_ratio,
    CAST(u.total_products AS DOUBLE) / NULLIF(u.orders, 0) AS user_average_basket,
    CAST(p.orders AS DOUBLE) / NULLIF(u.orders, 0) AS up_order_rate,
    u.orders - p.last_order AS up_orders_since_last_order,
    CAST(p.orders AS DOUBLE) / NULLIF(u.orders - p.first_order + 1, 0) AS up_order_rate_since_first_order
FROM pairs p
JOIN users u ON u.user_id = p.user_id
JOIN product_totals g ON g.product_id = p.product_id
