-- +goose NO TRANSACTION
-- +goose Up

-- Roll-ups answer questions over years without reading the events. They are never
-- incremented: a month is computed anew from the events and swapped in whole, and
-- a month whose events have changed since does not count. A view exact_X is what a
-- roll-up X holds when it is up to date; the views without prefix take each month
-- from where it is right.

CREATE TABLE IF NOT EXISTS source_month
(
    month       Date COMMENT 'First day of the month, UTC' CODEC(ZSTD(1)),
    owner       LowCardinality(String) COMMENT 'Owner of the attempts; empty where nothing is known' CODEC(ZSTD(1)),
    src_ip      IPv6 COMMENT 'Source address; IPv4 as ::ffff:a.b.c.d' CODEC(ZSTD(1)),
    sensor      LowCardinality(String) COMMENT 'Router, firewall or host that wrote the lines' CODEC(ZSTD(1)),
    proto       LowCardinality(String) COMMENT 'Protocol' CODEC(ZSTD(1)),
    cause       LowCardinality(String) COMMENT 'What the packets most likely are' CODEC(ZSTD(1)),
    network     LowCardinality(String) COMMENT 'Smallest registered block that holds the source' CODEC(ZSTD(1)),
    country     LowCardinality(String) COMMENT 'Country of the block, ISO 3166 alpha-2' CODEC(ZSTD(1)),
    asn         UInt32 COMMENT 'AS that announces the prefix; 0 where not known' CODEC(ZSTD(1)),
    attempts    UInt64 COMMENT 'Packets' CODEC(ZSTD(1)),
    events      UInt64 COMMENT 'Lines' CODEC(ZSTD(1)),
    ports       UInt32 COMMENT 'Distinct destination ports of this row; not to be added up' CODEC(ZSTD(1)),
    first_seen  DateTime64(3, 'UTC') COMMENT 'First of the attempts' CODEC(Delta(8), ZSTD(1)),
    last_seen   DateTime64(3, 'UTC') COMMENT 'Last of the attempts' CODEC(Delta(8), ZSTD(1)),
    owner_as_of Nullable(DateTime('UTC')) COMMENT 'When the newest of the attributions was true' CODEC(ZSTD(1)),
    late        UInt64 COMMENT 'Packets whose owner was learnt more than 90 days after them' CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(month)
ORDER BY (owner, src_ip, sensor, proto, cause)
SETTINGS index_granularity = 1024
COMMENT 'Roll-up of a month: each source under each owner. Read source_months instead';

CREATE VIEW IF NOT EXISTS exact_source_month AS
SELECT
    toStartOfMonth(time) AS month, owner, src_ip, sensor, proto, cause, network, country, asn,
    sum(e.packets) AS attempts, count() AS events, toUInt32(uniqExact(dst_port)) AS ports,
    min(time) AS first_seen, max(time) AS last_seen, max(e.owner_as_of) AS owner_as_of,
    sumIf(e.packets, e.owner_as_of > e.time + INTERVAL 90 DAY) AS late
FROM events AS e FINAL
WHERE knock
GROUP BY month, owner, src_ip, sensor, proto, cause, network, country, asn;

CREATE TABLE IF NOT EXISTS owner_month
(
    month      Date COMMENT 'First day of the month, UTC' CODEC(ZSTD(1)),
    owner      LowCardinality(String) COMMENT 'Owner of the attempts; empty where nothing is known' CODEC(ZSTD(1)),
    attempts   UInt64 COMMENT 'Packets' CODEC(ZSTD(1)),
    events     UInt64 COMMENT 'Lines' CODEC(ZSTD(1)),
    sources    UInt32 COMMENT 'Distinct source addresses in the month; not to be added up' CODEC(ZSTD(1)),
    networks   UInt32 COMMENT 'Distinct registered blocks in the month, as far as they are known; not to be added up' CODEC(ZSTD(1)),
    ports      UInt32 COMMENT 'Distinct destination ports in the month; not to be added up' CODEC(ZSTD(1)),
    first_seen DateTime64(3, 'UTC') COMMENT 'First of the attempts' CODEC(Delta(8), ZSTD(1)),
    last_seen  DateTime64(3, 'UTC') COMMENT 'Last of the attempts' CODEC(Delta(8), ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(month)
ORDER BY owner
SETTINGS index_granularity = 1024
COMMENT 'Roll-up of a month: each owner. Read owners_by_month instead';

CREATE VIEW IF NOT EXISTS exact_owner_month AS
SELECT
    toStartOfMonth(time) AS month, owner, sum(e.packets) AS attempts, count() AS events,
    toUInt32(uniqExact(src_ip)) AS sources, toUInt32(uniqExactIf(network, network != '')) AS networks, toUInt32(uniqExact(dst_port)) AS ports,
    min(time) AS first_seen, max(time) AS last_seen
FROM events AS e FINAL
WHERE knock
GROUP BY month, owner;

CREATE TABLE IF NOT EXISTS owner_day
(
    day        Date COMMENT 'Day, UTC' CODEC(ZSTD(1)),
    owner      LowCardinality(String) COMMENT 'Owner of the attempts; empty where nothing is known' CODEC(ZSTD(1)),
    proto      LowCardinality(String) COMMENT 'Protocol' CODEC(ZSTD(1)),
    attempts   UInt64 COMMENT 'Packets' CODEC(ZSTD(1)),
    events     UInt64 COMMENT 'Lines' CODEC(ZSTD(1)),
    sources    UInt32 COMMENT 'Distinct source addresses of the day and protocol; not to be added up' CODEC(ZSTD(1)),
    ports      UInt32 COMMENT 'Distinct destination ports of the day and protocol; not to be added up' CODEC(ZSTD(1)),
    first_seen DateTime64(3, 'UTC') COMMENT 'First of the attempts' CODEC(Delta(8), ZSTD(1)),
    last_seen  DateTime64(3, 'UTC') COMMENT 'Last of the attempts' CODEC(Delta(8), ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (owner, day, proto)
SETTINGS index_granularity = 1024
COMMENT 'Roll-up of a day: each owner and protocol. Read owner_days instead';

CREATE VIEW IF NOT EXISTS exact_owner_day AS
SELECT
    toDate(time) AS day, owner, proto, sum(e.packets) AS attempts, count() AS events,
    toUInt32(uniqExact(src_ip)) AS sources, toUInt32(uniqExact(dst_port)) AS ports,
    min(time) AS first_seen, max(time) AS last_seen
FROM events AS e FINAL
WHERE knock
GROUP BY day, owner, proto;

CREATE TABLE IF NOT EXISTS port_day
(
    day      Date COMMENT 'Day, UTC' CODEC(ZSTD(1)),
    proto    LowCardinality(String) COMMENT 'Protocol' CODEC(ZSTD(1)),
    dst_port UInt16 COMMENT 'Destination port' CODEC(ZSTD(1)),
    attempts UInt64 COMMENT 'Packets' CODEC(ZSTD(1)),
    events   UInt64 COMMENT 'Lines' CODEC(ZSTD(1)),
    sources  UInt32 COMMENT 'Distinct source addresses of the day; not to be added up' CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (day, proto, dst_port)
COMMENT 'Roll-up of a day: each destination port. Read ports_by_day instead';

CREATE VIEW IF NOT EXISTS exact_port_day AS
SELECT
    toDate(time) AS day, proto, assumeNotNull(e.dst_port) AS dst_port, sum(e.packets) AS attempts, count() AS events, toUInt32(uniqExact(src_ip)) AS sources
FROM events AS e FINAL
WHERE knock AND e.dst_port IS NOT NULL
GROUP BY day, proto, dst_port;

CREATE TABLE IF NOT EXISTS port_month
(
    month    Date COMMENT 'First day of the month, UTC' CODEC(ZSTD(1)),
    proto    LowCardinality(String) COMMENT 'Protocol' CODEC(ZSTD(1)),
    dst_port UInt16 COMMENT 'Destination port' CODEC(ZSTD(1)),
    attempts UInt64 COMMENT 'Packets' CODEC(ZSTD(1)),
    events   UInt64 COMMENT 'Lines' CODEC(ZSTD(1)),
    sources  UInt32 COMMENT 'Distinct source addresses of the month; not to be added up' CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(month)
ORDER BY (proto, dst_port)
COMMENT 'Roll-up of a month: each destination port. Read ports_by_month instead';

CREATE VIEW IF NOT EXISTS exact_port_month AS
SELECT
    toStartOfMonth(time) AS month, proto, assumeNotNull(e.dst_port) AS dst_port, sum(e.packets) AS attempts, count() AS events, toUInt32(uniqExact(src_ip)) AS sources
FROM events AS e FINAL
WHERE knock AND e.dst_port IS NOT NULL
GROUP BY month, proto, dst_port;

-- Which state of the events each month's roll-ups are of, and which roll-ups those
-- are, both as the storage itself numbers them: inserts, mutations and swaps raise
-- the numbers, merges and restarts do not.
CREATE TABLE IF NOT EXISTS rollups
(
    month   UInt32 COMMENT 'Partition, YYYYMM',
    version Int64 COMMENT 'Highest block number or mutation of the events that were read',
    blocks  Array(Tuple(String, Int64)) COMMENT 'Roll-ups and their highest block number',
    built   DateTime64(3, 'UTC') COMMENT 'When',
    took    UInt32 COMMENT 'Milliseconds'
)
ENGINE = ReplacingMergeTree(built)
ORDER BY month
COMMENT 'State of the roll-ups';

CREATE VIEW IF NOT EXISTS month_states AS
SELECT
    month, maxIf(number, name = 'events') AS version, arraySort(groupArrayIf((name, number), name != 'events')) AS blocks
FROM
(
    SELECT toUInt32(partition_id) AS month, toString(table) AS name, toInt64(greatest(max(max_block_number), max(data_version))) AS number
    FROM system.parts
    WHERE active AND database = '{{database}}' AND table IN ('events', 'source_month', 'owner_month', 'owner_day', 'port_day', 'port_month')
    GROUP BY month, name
)
GROUP BY month;

CREATE VIEW IF NOT EXISTS stale_months AS
SELECT toDate(concat(substring(toString(s.month), 1, 4), '-', substring(toString(s.month), 5, 2), '-01')) AS month, s.version AS version
FROM month_states AS s
LEFT JOIN (SELECT * FROM rollups FINAL) AS r ON r.month = s.month
WHERE s.version = 0 OR r.version != s.version OR r.blocks != s.blocks;

-- The views to ask. Which months are stale is found out once for each statement.

CREATE VIEW IF NOT EXISTS source_months AS
WITH (SELECT groupArray(month) FROM stale_months) AS stale
SELECT * FROM source_month WHERE NOT has(stale, toStartOfMonth(month))
UNION ALL
SELECT * FROM exact_source_month WHERE month IN stale;

CREATE VIEW IF NOT EXISTS owners_by_month AS
WITH (SELECT groupArray(month) FROM stale_months) AS stale
SELECT * FROM owner_month WHERE NOT has(stale, toStartOfMonth(month))
UNION ALL
SELECT * FROM exact_owner_month WHERE month IN stale;

CREATE VIEW IF NOT EXISTS owner_days AS
WITH (SELECT groupArray(month) FROM stale_months) AS stale
SELECT * FROM owner_day WHERE NOT has(stale, toStartOfMonth(day))
UNION ALL
SELECT * FROM exact_owner_day WHERE toStartOfMonth(day) IN stale;

CREATE VIEW IF NOT EXISTS ports_by_day AS
WITH (SELECT groupArray(month) FROM stale_months) AS stale
SELECT * FROM port_day WHERE NOT has(stale, toStartOfMonth(day))
UNION ALL
SELECT * FROM exact_port_day WHERE toStartOfMonth(day) IN stale;

CREATE VIEW IF NOT EXISTS ports_by_month AS
WITH (SELECT groupArray(month) FROM stale_months) AS stale
SELECT * FROM port_month WHERE NOT has(stale, toStartOfMonth(month))
UNION ALL
SELECT * FROM exact_port_month WHERE month IN stale;

CREATE VIEW IF NOT EXISTS sources_by_month AS
SELECT
    month, if(startsWith(toString(src_ip), '::ffff:') AND position(toString(src_ip), '.') > 0, substring(toString(src_ip), 8), toString(src_ip)) AS src,
    src_ip, owner, argMaxIf(m.country, m.last_seen, m.country != '') AS country, argMaxIf(m.network, m.last_seen, m.network != '') AS network,
    sum(m.attempts) AS attempts, sum(m.events) AS events, min(m.first_seen) AS first_seen, max(m.last_seen) AS last_seen
FROM source_months AS m
GROUP BY month, src_ip, owner;

CREATE VIEW IF NOT EXISTS countries_by_month AS
SELECT
    month, country, sum(m.attempts) AS attempts, sum(m.events) AS events, uniqExact(src_ip) AS sources, uniqExactIf(owner, owner != '') AS owners
FROM source_months AS m
GROUP BY month, country;

CREATE VIEW IF NOT EXISTS new_owners AS
SELECT
    min(m.month) AS month, owner, min(m.first_seen) AS first_seen, sum(m.attempts) AS attempts, max(m.last_seen) AS last_seen
FROM owners_by_month AS m
WHERE owner != ''
GROUP BY owner;

CREATE VIEW IF NOT EXISTS spikes AS
WITH (SELECT max(day) FROM owner_days) AS newest
SELECT
    owner, sumIf(d.attempts, day > newest - 7) AS attempts, sumIf(d.attempts, day <= newest - 7) AS before,
    attempts / 7 / ((before + 1) / 28) AS factor, newest - 6 AS since, newest AS until
FROM owner_days AS d
WHERE owner != '' AND day > newest - 35
GROUP BY owner
HAVING attempts >= 20 AND factor >= 3;
