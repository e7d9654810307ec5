-- What was bought, known or to be predicted: one row per order and product. A shop without a train table keeps the first half.

SELECT order_id, product_id, add_to_cart_order, reordered, 'prior' AS eval_set
FROM order_products__prior
UNION ALL
SELECT order_id, product_id, add_to_cart_order, reordered, 'train' AS eval_set
FROM order_products__train
