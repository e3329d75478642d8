-- The months that hold any event, newest first: the partitions of the events.
SELECT month
FROM month_states
WHERE version > 0
ORDER BY month DESC
LIMIT 1200
