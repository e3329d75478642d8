-- What decided each cause, the three that decided most often.
SELECT toString(cause), arrayMap(e -> e.2, arraySlice(arrayReverseSort(groupArray((n, toString(cause_why)))), 1, 3))
FROM
(
    SELECT cause, cause_why, sum(k.packets) AS n
    FROM knocks AS k
    WHERE time >= {since:DateTime64(3, 'UTC')} AND time < {until:DateTime64(3, 'UTC')} AND cause_why != ''
    GROUP BY cause, cause_why
)
GROUP BY cause
