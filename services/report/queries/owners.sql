-- One row for each owner and, first, one for all of them: both come out of one
-- read, so the total is that of the very rows below it whatever is being
-- written meanwhile. Adding up by source first leaves little to be counted
-- twice, once for its owner and once for the total.
SELECT
    grouping(owner) = 1 AS is_total,
    toString(owner) AS name,
    sum(packets) AS attempts,
    uniqExact(src_ip) AS sources,
    uniqExactIf(network, network != '') AS networks,
    sumMapIf(map(toString(country), packets), country != '') AS countries,
    sumMapIf(map(toString(cause), packets), cause != '') AS causes,
    min(first) AS first_seen,
    max(last) AS last_seen,
    max(as_of) AS newest_as_of,
    sum(late) AS learnt_late,
    uniqExactIf(owner, owner != '') AS owners,
    uniqExact(owner) AS matching
FROM
(
    -- Whole months come from the roll-ups, or while these are built from the events;
    -- what is left of a month at either end comes from the events.
    SELECT owner, src_ip, network, country, cause,
        sum(m.attempts) AS packets, min(m.first_seen) AS first, max(m.last_seen) AS last, max(m.owner_as_of) AS as_of, sum(m.late) AS late
    FROM source_months AS m
    WHERE m.month >= {from:Date} AND m.month < {to:Date}
      AND ({any_owner:UInt8} = 1 OR lowerUTF8(owner) = lowerUTF8({owner:String}))
      AND ({sensor:String} = '' OR sensor = {sensor:String})
      AND ({proto:String} = '' OR proto = {proto:String})
      AND ({cause:String} = '' OR cause = {cause:String})
    GROUP BY owner, src_ip, network, country, cause
    UNION ALL
    SELECT owner, src_ip, network, country, cause,
        sum(knocks.packets) AS packets, min(time) AS first, max(time) AS last, max(owner_as_of) AS as_of,
        sumIf(knocks.packets, owner_as_of > time + INTERVAL 90 DAY) AS late
    FROM knocks
    WHERE time >= {since:DateTime64(3, 'UTC')} AND time < {until:DateTime64(3, 'UTC')}
      AND {edges:UInt8} = 1 AND (toDate(time) < {from:Date} OR toDate(time) >= {to:Date})
      AND ({any_owner:UInt8} = 1 OR lowerUTF8(owner) = lowerUTF8({owner:String}))
      AND ({sensor:String} = '' OR sensor = {sensor:String})
      AND ({proto:String} = '' OR proto = {proto:String})
      AND ({cause:String} = '' OR cause = {cause:String})
    GROUP BY owner, src_ip, network, country, cause
)
GROUP BY GROUPING SETS ((owner), ())
ORDER BY is_total DESC, attempts DESC, name
LIMIT {rows:UInt64}
