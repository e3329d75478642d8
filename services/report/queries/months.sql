-- The months that hold any event, newest first.
SELECT DISTINCT toStartOfMonth(time) AS month
FROM events
ORDER BY month DESC
LIMIT 1200
