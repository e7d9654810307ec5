-- The chosen features with their label and split: what `train` reads.
--
-- Reads  feature_table (the 18, the extended or one's own), orders, lines, cutoffs
--
-- label  1 if the product is in the order to be predicted, 0 if not, NULL where that order is unknown or there is none
-- split  by a multiplicative hash (Knuth, TAOCP 6.4) of the user, so that a user is on one side only and stays there when data grows

WITH targets AS (
    SELECT o.user_id, o.order_id
    FROM orders o
    JOIN cutoffs c ON c.user_id = o.user_id AND c.order_number = o.order_number
    WHERE o.eval_set <> 'test'
),

bought AS (
    SELECT t.user_id, l.product_id
    FROM lines l
    JOIN targets t ON t.order_id = l.order_id
),

users AS (
    SELECT user_id, ((user_id % 2147483648) * 2654435761) % 4294967296 AS user_hash
    FROM feature_table
    GROUP BY user_id
)

SELECT
    f.*,
    CASE
        WHEN b.product_id IS NOT NULL THEN 1
        WHEN t.user_id IS NOT NULL THEN 0
    END AS label,
    CASE
        WHEN u.user_hash < 3006477107 THEN 'train'
        WHEN u.user_hash < 3650722201 THEN 'validation'
        ELSE 'test'
    END AS split
FROM feature_table f
JOIN users u ON u.user_id = f.user_id
LEFT JOIN targets t ON t.user_id = f.user_id
LEFT JOIN bought b ON b.user_id = f.user_id AND b.product_id = f.product_id
ORDER BY f.user_id, f.product_id
