-- one of prior, train, test
SELECT eval_set
FROM orders
WHERE eval_set NOT IN ('prior', 'train', 'test')
