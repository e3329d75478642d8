-- Attempts of each day that has any.
SELECT day, sum(d.attempts) AS n
FROM owner_days AS d
WHERE day >= {from:Date} AND day < {to:Date}
GROUP BY day
ORDER BY day
