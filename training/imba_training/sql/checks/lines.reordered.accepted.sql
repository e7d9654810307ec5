-- 0 or 1
SELECT eval_set, reordered
FROM lines
WHERE reordered NOT IN (0, 1)
