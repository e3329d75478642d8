-- One row for each address and owner, because an address changes hands, and,
-- first, one for all of them: both come out of one read. The inner query makes
-- the rows, the outer one only adds them up.
SELECT
    grouping(src_ip) = 1 AS is_total,
    src_ip AS address,
    toString(owner) AS name,
    toString(any(latest_country)) AS shown_country,
    sum(packets) AS attempts,
    min(first) AS first_seen,
    max(last) AS last_seen,
    max(as_of) AS newest_as_of,
    sum(late) AS learnt_late,
    uniqExact(src_ip) AS sources,
    count() AS matching
FROM
(
    SELECT src_ip, owner, argMaxIf(country, time, country != '') AS latest_country,
        sum(knocks.packets) AS packets, min(time) AS first, max(time) AS last, max(owner_as_of) AS as_of,
        sumIf(knocks.packets, owner_as_of > time + INTERVAL {late_days:UInt16} DAY) AS late
    FROM knocks
    WHERE time >= {since:DateTime64(3, 'UTC')} AND time < {until:DateTime64(3, 'UTC')}
      AND ({any_owner:UInt8} = 1 OR lowerUTF8(owner) = lowerUTF8({owner:String}))
      AND ({sensor:String} = '' OR sensor = {sensor:String})
      AND ({proto:String} = '' OR proto = {proto:String})
      AND ({cause:String} = '' OR cause = {cause:String})
    GROUP BY src_ip, owner
)
GROUP BY GROUPING SETS ((src_ip, owner), ())
ORDER BY is_total DESC, attempts DESC, address, name
LIMIT {rows:UInt64}
