-- a day as 2026-05-01
SELECT order_date
FROM orders
WHERE order_date NOT LIKE '____-__-__' OR SUBSTR(order_date, 6, 2) > '12' OR SUBSTR(order_date, 9, 2) > '31'
