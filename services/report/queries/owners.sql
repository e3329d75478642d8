-- One row for each owner and, first, one for all of them: both come out of one
-- read, so the total is that of the very rows below it whatever is being
-- written meanwhile. Sources are counted apart by IPv4, as numbers, and IPv6: of
-- whole addresses uniqExact takes four times as long. Of texts it keeps hashes
-- of 128 bits; those of 64 tell a million networks apart as well, and are made of each
-- text once instead of in each row.
SELECT
    grouping(owner) = 1 AS is_total,
    toString(owner) AS name,
    sum(packets) AS attempts,
    uniqExact(accurateCastOrNull(src_ip, 'IPv4')) + uniqExactIf(src_ip, accurateCastOrNull(src_ip, 'IPv4') IS NULL) AS sources,
    uniqExactIf(sipHash64(network), network != '') AS networks,
    sumMapIf(map(toString(country), packets), country != '') AS countries,
    sumMapIf(map(toString(cause), packets), cause != '') AS causes,
    min(first) AS first_seen,
    max(last) AS last_seen,
    max(as_of) AS newest_as_of,
    sum(late) AS learnt_late,
    countIf(NOT is_total AND owner != '') OVER () AS owners,
    countIf(NOT is_total) OVER () AS matching
FROM
(
    -- Whole months come from the roll-ups, or while these are built from the events;
    -- what is left of a month at either end comes from the events, added up by source
    -- to leave little that is counted twice, once for its owner and once for the total.
    SELECT owner, src_ip, network, country, cause,
        attempts AS packets, first_seen AS first, last_seen AS last, owner_as_of AS as_of, late
    FROM source_months
    WHERE month >= {from:Date} AND month < {to:Date}
      AND ({any_owner:UInt8} = 1 OR lowerUTF8(owner) = lowerUTF8({owner:String}))
      AND ({sensor:String} = '' OR sensor = {sensor:String})
      AND ({proto:String} = '' OR proto = {proto:String})
      AND ({cause:String} = '' OR cause = {cause:String})
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
