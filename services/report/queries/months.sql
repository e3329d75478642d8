-- The months that hold any event, newest first: the partitions of the events.
SELECT toDate(concat(substring(toString(month), 1, 4), '-', substring(toString(month), 5, 2), '-01')) AS first_day
FROM month_states
WHERE version > 0
ORDER BY first_day DESC
LIMIT 1200
