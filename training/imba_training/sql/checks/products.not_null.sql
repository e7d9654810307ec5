-- a value is needed
SELECT product_id, product_name
FROM products
WHERE product_id IS NULL OR product_name IS NULL
