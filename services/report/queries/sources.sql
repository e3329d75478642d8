-- One row for each address and owner, because an address changes hands, and,
-- first, one for all of them: both come out of one read. Distinct addresses are counted
-- of the rows, by IPv4, as numbers, and IPv6: a count for each row would be of one.
SELECT
    grouping(src_ip) = 1 AS is_total,
    src_ip AS address,
    toString(owner) AS name,
    toString(argMaxIf(part_country, last, part_country != '')) AS shown_country,
    sum(packets) AS attempts,
    min(first) AS first_seen,
    max(last) AS last_seen,
    max(as_of) AS newest_as_of,
    sum(late) AS learnt_late,
    uniqExactIf(accurateCastOrNull(src_ip, 'IPv4'), NOT is_total) OVER ()
        + uniqExactIf(src_ip, NOT is_total AND accurateCastOrNull(src_ip, 'IPv4') IS NULL) OVER () AS sources,
    countIf(NOT is_total) OVER () AS matching
FROM
(
    -- Whole months come from the roll-ups, or while these are built from the events;
    -- what is left of a month at either end comes from the events.
    SELECT src_ip, owner, country AS part_country,
        attempts AS packets, first_seen AS first, last_seen AS last, owner_as_of AS as_of, late
    FROM source_months
    WHERE month >= {from:Date} AND month < {to:Date}
      AND ({any_owner:UInt8} = 1 OR lowerUTF8(owner) = lowerUTF8({owner:String}))
      AND ({sensor:String} = '' OR sensor = {sensor:String})
      AND ({proto:String} = '' OR proto = {proto:String})
      AND ({cause:String} = '' OR cause = {cause:String})
    UNION ALL
    SELECT src_ip, owner, country AS part_country,
        sum(knocks.packets) AS packets, min(time) AS first, max(time) AS last, max(owner_as_of) AS as_of,
        sumIf(knocks.packets, owner_as_of > time + INTERVAL 90 DAY) AS late
    FROM knocks
    WHERE time >= {since:DateTime64(3, 'UTC')} AND time < {until:DateTime64(3, 'UTC')}
      AND {edges:UInt8} = 1 AND (toDate(time) < {from:Date} OR toDate(time) >= {to:Date})
      AND ({any_owner:UInt8} = 1 OR lowerUTF8(owner) = lowerUTF8({owner:String}))
      AND ({sensor:String} = '' OR sensor = {sensor:String})
      AND ({proto:String} = '' OR proto = {proto:String})
      AND ({cause:String} = '' OR cause = {cause:String})
    GROUP BY src_ip, owner, country
)
GROUP BY GROUPING SETS ((src_ip, owner), ())
ORDER BY is_total DESC, attempts DESC, address, name
LIMIT {rows:UInt64}
