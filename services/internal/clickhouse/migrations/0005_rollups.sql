-- +goose NO TRANSACTION
-- +goose Up

-- Roll-ups answer questions over years without reading the events. They are never
-- incremented: a month is computed anew from the events and put in whole. Each row
-- says of which state of the events it is, in the numbers by which storage itself
-- counts inserts and mutations, and these stand in the partition's name, where they
-- are found without reading anything. A view takes from a roll-up the months that
-- are of the present state of the events, and the others from the events: it is
-- exact at every moment, however many processes build. A view exact_X is what a
-- roll-up X holds when it is up to date. What questions filter, group and add up
-- has the server's own codec, which is read faster than ZSTD.

CREATE TABLE IF NOT EXISTS source_month{{on}}
(
    month       Date COMMENT 'First day of the month, UTC',
    owner       LowCardinality(String) COMMENT 'Owner of the attempts; empty where nothing is known',
    src_ip      IPv6 COMMENT 'Source address; IPv4 as ::ffff:a.b.c.d',
    sensor      LowCardinality(String) COMMENT 'Router, firewall or host that wrote the lines',
    proto       LowCardinality(String) COMMENT 'Protocol',
    cause       LowCardinality(String) COMMENT 'What the packets most likely are',
    network     LowCardinality(String) COMMENT 'Smallest registered block that holds the source' CODEC(ZSTD(1)),
    country     LowCardinality(String) COMMENT 'Country of the block, ISO 3166 alpha-2',
    asn         UInt32 COMMENT 'AS that announces the prefix; 0 where not known' CODEC(ZSTD(1)),
    attempts    UInt64 COMMENT 'Packets',
    events      UInt64 COMMENT 'Lines',
    ports       UInt32 COMMENT 'Distinct destination ports of this row; not to be added up' CODEC(ZSTD(1)),
    first_seen  DateTime64(3, 'UTC') COMMENT 'First of the attempts' CODEC(Delta(8), ZSTD(1)),
    last_seen   DateTime64(3, 'UTC') COMMENT 'Last of the attempts' CODEC(Delta(8), ZSTD(1)),
    owner_as_of Nullable(DateTime('UTC')) COMMENT 'When the newest of the attributions was true' CODEC(ZSTD(1)),
    late        UInt64 COMMENT 'Packets whose owner was learnt more than 90 days after them' CODEC(ZSTD(1)),
    version     UInt64 COMMENT 'State of the events that the row is of; 0 where these were dropped on purpose' CODEC(ZSTD(1))
)
ENGINE = {{everywhere "MergeTree"}}
PARTITION BY (toYYYYMM(month), version)
ORDER BY (owner, src_ip, sensor, proto, cause)
SETTINGS index_granularity = 1024
COMMENT 'Roll-up of a month: each source under each owner, by sensor, protocol and cause. Read source_months instead';

CREATE VIEW IF NOT EXISTS exact_source_month{{on}} AS
SELECT
    toStartOfMonth(time) AS month, owner, src_ip, sensor, proto, cause, network, country, asn,
    sum(e.packets) AS attempts, count() AS events, toUInt32(uniqExact(dst_port)) AS ports,
    min(time) AS first_seen, max(time) AS last_seen, max(e.owner_as_of) AS owner_as_of,
    sumIf(e.packets, e.owner_as_of > e.time + INTERVAL 90 DAY) AS late
FROM events AS e FINAL
WHERE knock
GROUP BY month, owner, src_ip, sensor, proto, cause, network, country, asn;

CREATE TABLE IF NOT EXISTS address_month{{on}}
(
    month      Date COMMENT 'First day of the month, UTC',
    src        String COMMENT 'Source address as people write it, 192.0.2.1 or 2001:db8::1' CODEC(ZSTD(1)),
    src_ip     IPv6 COMMENT 'Source address; IPv4 as ::ffff:a.b.c.d',
    owner      LowCardinality(String) COMMENT 'Owner of the attempts; empty where nothing is known',
    country    LowCardinality(String) COMMENT 'Country of the block, ISO 3166 alpha-2; the last that is known' CODEC(ZSTD(1)),
    network    LowCardinality(String) COMMENT 'Smallest registered block that holds the source; the last that is known' CODEC(ZSTD(1)),
    attempts   UInt64 COMMENT 'Packets',
    events     UInt64 COMMENT 'Lines' CODEC(ZSTD(1)),
    first_seen DateTime64(3, 'UTC') COMMENT 'First of the attempts' CODEC(Delta(8), ZSTD(1)),
    last_seen  DateTime64(3, 'UTC') COMMENT 'Last of the attempts' CODEC(Delta(8), ZSTD(1)),
    version    UInt64 COMMENT 'State of the events that the row is of; 0 where these were dropped on purpose' CODEC(ZSTD(1))
)
ENGINE = {{everywhere "MergeTree"}}
PARTITION BY (toYYYYMM(month), version)
ORDER BY (owner, src_ip)
SETTINGS index_granularity = 1024
COMMENT 'Roll-up of a month: each source under each owner, in one row. Read sources_by_month instead';

-- The last that is known, and of one time that of the greater id; as one number, as tuples
-- are compared three times slower.
CREATE VIEW IF NOT EXISTS exact_address_month{{on}} AS
WITH bitOr(bitShiftLeft(toUInt128(toUnixTimestamp64Milli(e.time)), 64), toUInt128(e.id)) AS at
SELECT
    toStartOfMonth(time) AS month,
    if(startsWith(toString(src_ip), '::ffff:') AND position(toString(src_ip), '.') > 0, substring(toString(src_ip), 8), toString(src_ip)) AS src, src_ip, owner,
    argMaxIf(e.country, at, e.country != '') AS country, argMaxIf(e.network, at, e.network != '') AS network,
    sum(e.packets) AS attempts, count() AS events, min(time) AS first_seen, max(time) AS last_seen
FROM events AS e FINAL
WHERE knock
GROUP BY month, src_ip, owner;

CREATE TABLE IF NOT EXISTS owner_month{{on}}
(
    month      Date COMMENT 'First day of the month, UTC',
    owner      LowCardinality(String) COMMENT 'Owner of the attempts; empty where nothing is known',
    attempts   UInt64 COMMENT 'Packets',
    events     UInt64 COMMENT 'Lines',
    sources    UInt32 COMMENT 'Distinct source addresses in the month; not to be added up' CODEC(ZSTD(1)),
    networks   UInt32 COMMENT 'Distinct registered blocks in the month, as far as they are known; not to be added up' CODEC(ZSTD(1)),
    ports      UInt32 COMMENT 'Distinct destination ports in the month; not to be added up' CODEC(ZSTD(1)),
    first_seen DateTime64(3, 'UTC') COMMENT 'First of the attempts' CODEC(Delta(8), ZSTD(1)),
    last_seen  DateTime64(3, 'UTC') COMMENT 'Last of the attempts' CODEC(Delta(8), ZSTD(1)),
    version     UInt64 COMMENT 'State of the events that the row is of; 0 where these were dropped on purpose' CODEC(ZSTD(1))
)
ENGINE = {{everywhere "MergeTree"}}
PARTITION BY (toYYYYMM(month), version)
ORDER BY owner
SETTINGS index_granularity = 1024
COMMENT 'Roll-up of a month: each owner. Read owners_by_month instead';

CREATE VIEW IF NOT EXISTS exact_owner_month{{on}} AS
SELECT
    toStartOfMonth(time) AS month, owner, sum(e.packets) AS attempts, count() AS events,
    toUInt32(uniqExact(src_ip)) AS sources, toUInt32(uniqExactIf(network, network != '')) AS networks, toUInt32(uniqExact(dst_port)) AS ports,
    min(time) AS first_seen, max(time) AS last_seen
FROM events AS e FINAL
WHERE knock
GROUP BY month, owner;

CREATE TABLE IF NOT EXISTS owner_day{{on}}
(
    day        Date COMMENT 'Day, UTC',
    owner      LowCardinality(String) COMMENT 'Owner of the attempts; empty where nothing is known',
    proto      LowCardinality(String) COMMENT 'Protocol',
    attempts   UInt64 COMMENT 'Packets',
    events     UInt64 COMMENT 'Lines',
    sources    UInt32 COMMENT 'Distinct source addresses of the day and protocol; not to be added up' CODEC(ZSTD(1)),
    ports      UInt32 COMMENT 'Distinct destination ports of the day and protocol; not to be added up' CODEC(ZSTD(1)),
    first_seen DateTime64(3, 'UTC') COMMENT 'First of the attempts' CODEC(Delta(8), ZSTD(1)),
    last_seen  DateTime64(3, 'UTC') COMMENT 'Last of the attempts' CODEC(Delta(8), ZSTD(1)),
    version     UInt64 COMMENT 'State of the events that the row is of; 0 where these were dropped on purpose' CODEC(ZSTD(1))
)
ENGINE = {{everywhere "MergeTree"}}
PARTITION BY (toYYYYMM(day), version)
ORDER BY (owner, day, proto)
SETTINGS index_granularity = 1024
COMMENT 'Roll-up of a day: each owner and protocol. Read owner_days instead';

CREATE VIEW IF NOT EXISTS exact_owner_day{{on}} AS
SELECT
    toDate(time) AS day, owner, proto, sum(e.packets) AS attempts, count() AS events,
    toUInt32(uniqExact(src_ip)) AS sources, toUInt32(uniqExact(dst_port)) AS ports,
    min(time) AS first_seen, max(time) AS last_seen
FROM events AS e FINAL
WHERE knock
GROUP BY day, owner, proto;

CREATE TABLE IF NOT EXISTS port_day{{on}}
(
    day      Date COMMENT 'Day, UTC',
    proto    LowCardinality(String) COMMENT 'Protocol',
    dst_port UInt16 COMMENT 'Destination port',
    attempts UInt64 COMMENT 'Packets',
    events   UInt64 COMMENT 'Lines',
    sources  UInt32 COMMENT 'Distinct source addresses of the day; not to be added up' CODEC(ZSTD(1)),
    version     UInt64 COMMENT 'State of the events that the row is of; 0 where these were dropped on purpose' CODEC(ZSTD(1))
)
ENGINE = {{everywhere "MergeTree"}}
PARTITION BY (toYYYYMM(day), version)
ORDER BY (day, proto, dst_port)
COMMENT 'Roll-up of a day: each destination port. Read ports_by_day instead';

-- Of whole addresses uniqExact takes several times as long as of the numbers that IPv4
-- addresses are, where there are many.
{{define "sources"}}uniqExact(accurateCastOrNull(src_ip, 'IPv4')) + uniqExactIf(src_ip, accurateCastOrNull(src_ip, 'IPv4') IS NULL){{end}}

CREATE VIEW IF NOT EXISTS exact_port_day{{on}} AS
SELECT
    toDate(time) AS day, proto, assumeNotNull(e.dst_port) AS dst_port, sum(e.packets) AS attempts, count() AS events,
    toUInt32({{template "sources"}}) AS sources
FROM events AS e FINAL
WHERE knock AND e.dst_port IS NOT NULL
GROUP BY day, proto, dst_port;

CREATE TABLE IF NOT EXISTS port_month{{on}}
(
    month    Date COMMENT 'First day of the month, UTC',
    proto    LowCardinality(String) COMMENT 'Protocol',
    dst_port UInt16 COMMENT 'Destination port',
    attempts UInt64 COMMENT 'Packets',
    events   UInt64 COMMENT 'Lines',
    sources  UInt32 COMMENT 'Distinct source addresses of the month; not to be added up' CODEC(ZSTD(1)),
    version     UInt64 COMMENT 'State of the events that the row is of; 0 where these were dropped on purpose' CODEC(ZSTD(1))
)
ENGINE = {{everywhere "MergeTree"}}
PARTITION BY (toYYYYMM(month), version)
ORDER BY (proto, dst_port)
COMMENT 'Roll-up of a month: each destination port. Read ports_by_month instead';

CREATE VIEW IF NOT EXISTS exact_port_month{{on}} AS
SELECT
    toStartOfMonth(time) AS month, proto, assumeNotNull(e.dst_port) AS dst_port, sum(e.packets) AS attempts, count() AS events,
    toUInt32({{template "sources"}}) AS sources
FROM events AS e FINAL
WHERE knock AND e.dst_port IS NOT NULL
GROUP BY month, proto, dst_port;

CREATE TABLE IF NOT EXISTS campaign_month{{on}}
(
    month      Date COMMENT 'First day of the month, UTC',
    owner      LowCardinality(String) COMMENT 'Owner of the attempts',
    first_seen DateTime64(3, 'UTC') COMMENT 'First of the attempts' CODEC(Delta(8), ZSTD(1)),
    last_seen  DateTime64(3, 'UTC') COMMENT 'Last of the attempts' CODEC(Delta(8), ZSTD(1)),
    attempts   UInt64 COMMENT 'Packets',
    events     UInt64 COMMENT 'Lines',
    sources    UInt32 COMMENT 'Distinct source addresses' CODEC(ZSTD(1)),
    ports      UInt32 COMMENT 'Distinct destination ports' CODEC(ZSTD(1)),
    most       UInt64 COMMENT 'Attempts of the source that has most: what a detector of single addresses sees' CODEC(ZSTD(1)),
    answers    UInt64 COMMENT 'Of the attempts, those whose cause is reply or backscatter' CODEC(ZSTD(1)),
    version     UInt64 COMMENT 'State of the events that the row is of; 0 where these were dropped on purpose' CODEC(ZSTD(1))
)
ENGINE = {{everywhere "MergeTree"}}
PARTITION BY (toYYYYMM(month), version)
ORDER BY (owner, first_seen)
COMMENT 'Roll-up of a month: campaigns. Read campaigns instead';

-- Attempts of one owner from three sources or more, without a day's pause. Looking for
-- pauses between hours is enough, and these are fewer than the events. By RANGE, as the
-- sources of one hour come in any order.
CREATE VIEW IF NOT EXISTS exact_campaign_month{{on}} AS
SELECT
    month, owner, min(r.since) AS first_seen, max(r.until) AS last_seen, sum(r.packets) AS attempts, sum(r.lines) AS events,
    toUInt32(count()) AS sources, toUInt32(uniqExactArray(r.asked)) AS ports, max(r.packets) AS most, sum(r.answering) AS answers
FROM
(
    SELECT
        month, owner, campaign, min(h.since) AS since, max(h.until) AS until, sum(h.packets) AS packets, sum(h.lines) AS lines,
        groupUniqArrayArray(h.asked) AS asked, sum(h.answering) AS answering
    FROM
    (
        SELECT *, sum(apart) OVER (PARTITION BY month, owner ORDER BY hour RANGE UNBOUNDED PRECEDING) AS campaign
        FROM
        (
            SELECT
                *, min(since) OVER (PARTITION BY month, owner ORDER BY hour RANGE BETWEEN CURRENT ROW AND CURRENT ROW)
                    > max(until) OVER (PARTITION BY month, owner ORDER BY hour RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) + INTERVAL 1 DAY AS apart
            FROM
            (
                SELECT
                    toStartOfMonth(time) AS month, owner, src_ip, toStartOfHour(time) AS hour, min(time) AS since, max(time) AS until,
                    sum(e.packets) AS packets, count() AS lines, groupUniqArray(dst_port) AS asked, sumIf(e.packets, cause IN ('reply', 'backscatter')) AS answering
                FROM events AS e FINAL
                WHERE knock AND owner != ''
                GROUP BY month, owner, src_ip, hour
            )
        )
    ) AS h
    GROUP BY month, owner, campaign, src_ip
) AS r
GROUP BY month, owner, campaign
HAVING sources >= 3;

-- Parts of the events and of some roll-ups. In a cluster the state of the events is
-- that of all shards: each number only ever grows, and so does their sum.
{{define "parts"}}
{{- if cluster -}}
FROM
(
    SELECT partition_id, table, max_block_number, data_version, modification_time
    FROM system.parts
    WHERE active AND database = '{{database}}' AND table IN ({{.}})
    UNION ALL
    SELECT month AS partition_id, 'events' AS table, toInt64(sum(number)) AS max_block_number, toUInt64(0) AS data_version, now() AS modification_time
    FROM
    (
        SELECT _shard_num AS shard, substring(partition_id, 1, 6) AS month, max(greatest(max_block_number, data_version)) AS number
        FROM shard_parts
        WHERE active AND database = '{{database}}' AND table = '{{shard}}'
        GROUP BY shard, month
    )
    GROUP BY month
)
{{- else -}}
FROM system.parts
WHERE active AND database = '{{database}}' AND table IN ('events', {{.}})
{{- end}}
{{- end}}

-- The months, the state of their events (0 if there are none left), and whether each
-- roll-up is of that state, or stays though its events were dropped on purpose.
{{$rollups := "'source_month', 'address_month', 'owner_month', 'owner_day', 'port_day', 'port_month', 'campaign_month'"}}
CREATE VIEW IF NOT EXISTS month_states{{on}} AS
SELECT
    m AS partition, toDate(concat(substring(toString(m), 1, 4), '-', substring(toString(m), 5, 2), '-01')) AS month,
    toUInt64(maxIf(number, t = 'events')) AS version, uniqExactIf(t, label = 0 AND t != 'events') AS kept,
    uniqExactIf((t, label), t != 'events') AS labels, groupArrayIf((t, label), t != 'events') AS built
FROM
(
    SELECT toUInt32(substring(partition_id, 1, 6)) AS m, toString(table) AS t, toUInt64OrZero(substring(partition_id, 8)) AS label,
        max(greatest(max_block_number, data_version)) AS number
    {{template "parts" $rollups}}
    GROUP BY m, t, label
)
GROUP BY m;

CREATE VIEW IF NOT EXISTS stale_months{{on}} AS
SELECT month, version
FROM month_states
WHERE kept = 0 AND (version = 0 OR arrayCount(b -> b.2 = version, built) < length([{{$rollups}}]));

-- The views to ask: of the roll-up the months that are right, of the events the
-- others. Which these are is found out once for each statement, as two looks might see
-- different states and miss a month between them: views current_X say it in one row.
-- ClickHouse has noted by then which parts of the tables there are, so a roll-up counts
-- only five seconds after it came, and goes only when another has been there for a
-- minute. A partition is right or wrong as a whole, so indexHint spares looking at it
-- again in each row; as the only condition it would not keep count() from counting all.
{{define "current"}}
SELECT groupArrayIf(partition, partition != '') AS partitions, groupArrayIf(toDate(concat(month, '01')), partition = '') AS stale
FROM
(
    SELECT
        substring(partition_id, 1, 6) AS month,
        [concat(month, '-0'), concat(month, '-', toString(maxIf(greatest(max_block_number, data_version), table = 'events')))] AS right,
        groupArrayIf(partition_id, table != 'events' AND modification_time < now() - 5) AS built,
        arraySort(arrayIntersect(built, right))[1] AS partition
    {{template "parts" .Quoted}}
    GROUP BY month
)
{{- end}}

{{define "rolled"}}
WITH (SELECT (partitions, stale) FROM current_{{.Table}}) AS months
SELECT * EXCEPT version
FROM {{.Table}}
WHERE indexHint(_partition_id IN (months.1)) AND attempts > 0
UNION ALL
SELECT *
FROM exact_{{.Table}}
WHERE {{.Month}} IN (months.2)
{{- end}}

CREATE VIEW IF NOT EXISTS current_source_month{{on}} AS {{template "current" rollup "source_month" "month"}};

CREATE VIEW IF NOT EXISTS source_months{{on}} AS {{template "rolled" rollup "source_month" "month"}};

CREATE VIEW IF NOT EXISTS current_address_month{{on}} AS {{template "current" rollup "address_month" "month"}};

CREATE VIEW IF NOT EXISTS sources_by_month{{on}} AS {{template "rolled" rollup "address_month" "month"}};

CREATE VIEW IF NOT EXISTS current_owner_month{{on}} AS {{template "current" rollup "owner_month" "month"}};

CREATE VIEW IF NOT EXISTS owners_by_month{{on}} AS {{template "rolled" rollup "owner_month" "month"}};

CREATE VIEW IF NOT EXISTS current_owner_day{{on}} AS {{template "current" rollup "owner_day" "toStartOfMonth(day)"}};

CREATE VIEW IF NOT EXISTS owner_days{{on}} AS {{template "rolled" rollup "owner_day" "toStartOfMonth(day)"}};

CREATE VIEW IF NOT EXISTS current_port_day{{on}} AS {{template "current" rollup "port_day" "toStartOfMonth(day)"}};

CREATE VIEW IF NOT EXISTS ports_by_day{{on}} AS {{template "rolled" rollup "port_day" "toStartOfMonth(day)"}};

CREATE VIEW IF NOT EXISTS current_port_month{{on}} AS {{template "current" rollup "port_month" "month"}};

CREATE VIEW IF NOT EXISTS ports_by_month{{on}} AS {{template "rolled" rollup "port_month" "month"}};

-- One that goes on over the end of a month is one in each.
CREATE VIEW IF NOT EXISTS current_campaign_month{{on}} AS {{template "current" rollup "campaign_month" "month"}};

CREATE VIEW IF NOT EXISTS campaigns{{on}} AS {{template "rolled" rollup "campaign_month" "month"}};

CREATE VIEW IF NOT EXISTS countries_by_month{{on}} AS
SELECT
    month, country, sum(m.attempts) AS attempts, sum(m.events) AS events, {{template "sources"}} AS sources,
    uniqExactIf(owner, owner != '') AS owners
FROM source_months AS m
GROUP BY month, country;

CREATE VIEW IF NOT EXISTS new_owners{{on}} AS
SELECT
    min(m.month) AS month, owner, min(m.first_seen) AS first_seen, sum(m.attempts) AS attempts, max(m.last_seen) AS last_seen
FROM owners_by_month AS m
WHERE owner != ''
GROUP BY owner;

-- Against the newest day of any event, which the parts know: of the events, or where these
-- were dropped on purpose, of the roll-up.
CREATE VIEW IF NOT EXISTS spikes{{on}} AS
WITH
(
    SELECT greatest(toDate(max(max_time), 'UTC'), max(max_date))
    FROM {{if cluster}}shard_parts{{else}}system.parts{{end}}
    WHERE active AND database = '{{database}}' AND table IN ('{{shard}}', 'owner_day')
) AS newest
SELECT
    owner, sumIf(d.attempts, day > newest - 7) AS attempts, sumIf(d.attempts, day <= newest - 7) AS before,
    attempts / 7 / ((before + 1) / 28) AS factor, newest - 6 AS since, newest AS until
FROM owner_days AS d
WHERE owner != '' AND day > newest - 35
GROUP BY owner
HAVING attempts >= 20 AND factor >= 3;
