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
    SELECT src_ip, owner, argMaxIf(part_country, part_last, part_country != '') AS latest_country,
        sum(part_packets) AS packets, min(part_first) AS first, max(part_last) AS last, max(part_as_of) AS as_of, sum(part_late) AS late
    FROM
    (
        -- Whole months come from the roll-ups, or while these are built from the events;
        -- what is left of a month at either end comes from the events.
        SELECT src_ip, owner, country AS part_country,
            attempts AS part_packets, first_seen AS part_first, last_seen AS part_last, owner_as_of AS part_as_of, late AS part_late
        FROM source_months
        WHERE month >= {from:Date} AND month < {to:Date}
          AND ({any_owner:UInt8} = 1 OR lowerUTF8(owner) = lowerUTF8({owner:String}))
          AND ({sensor:String} = '' OR sensor = {sensor:String})
          AND ({proto:String} = '' OR proto = {proto:String})
          AND ({cause:String} = '' OR cause = {cause:String})
        UNION ALL
        SELECT src_ip, owner, country AS part_country,
            sum(knocks.packets) AS part_packets, min(time) AS part_first, max(time) AS part_last, max(owner_as_of) AS part_as_of,
            sumIf(knocks.packets, owner_as_of > time + INTERVAL 90 DAY) AS part_late
        FROM knocks
        WHERE time >= {since:DateTime64(3, 'UTC')} AND time < {until:DateTime64(3, 'UTC')}
          AND {edges:UInt8} = 1 AND (toDate(time) < {from:Date} OR toDate(time) >= {to:Date})
          AND ({any_owner:UInt8} = 1 OR lowerUTF8(owner) = lowerUTF8({owner:String}))
          AND ({sensor:String} = '' OR sensor = {sensor:String})
          AND ({proto:String} = '' OR proto = {proto:String})
          AND ({cause:String} = '' OR cause = {cause:String})
        GROUP BY src_ip, owner, country
    )
    GROUP BY src_ip, owner
)
GROUP BY GROUPING SETS ((src_ip, owner), ())
ORDER BY is_total DESC, attempts DESC, address, name
LIMIT {rows:UInt64}
