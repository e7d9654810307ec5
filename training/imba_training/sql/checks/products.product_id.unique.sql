-- must be unique
SELECT product_id
FROM products
GROUP BY product_id
HAVING COUNT(*) > 1
ORDER BY product_id
