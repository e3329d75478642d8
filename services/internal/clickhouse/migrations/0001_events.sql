-- +goose NO TRANSACTION
-- +goose Up

-- The only truth: everything that is counted is counted here. The sort key holds
-- fields that never change, so a repeat of an event, whatever is known of its
-- source by then, replaces the row instead of joining it.
CREATE TABLE IF NOT EXISTS {{shard}}{{on}}
(
    src_ip      IPv6 COMMENT 'Source address; IPv4 as ::ffff:a.b.c.d. Compare with text: src_ip = ''192.0.2.1'' uses the index, src does not' CODEC(ZSTD(1)),
    time        DateTime64(3, 'UTC') COMMENT 'When the packet was seen, as far as the device could tell; see time_basis' CODEC(DoubleDelta, ZSTD(1)),
    id          UInt64 COMMENT 'Content hash; with src_ip and time the identity of the event' CODEC(NONE),
    time_basis  LowCardinality(String) COMMENT 'How time was got: given, zone_assumed, year_inferred, received' CODEC(ZSTD(1)),
    received    Nullable(DateTime('UTC')) COMMENT 'When the line was received; of a file its own time' CODEC(Delta(4), ZSTD(1)),
    sensor      LowCardinality(String) COMMENT 'Router, firewall or host that wrote the line' CODEC(ZSTD(1)),
    format      LowCardinality(String) COMMENT 'Log format that was recognised' CODEC(ZSTD(1)),
    verdict     LowCardinality(String) COMMENT 'What the device did: drop, reject, allow, alert, unknown' CODEC(ZSTD(1)),
    direction   LowCardinality(String) COMMENT 'Where the packet went: in, out, local, unknown' CODEC(ZSTD(1)),
    proto       LowCardinality(String) COMMENT 'tcp, udp, icmp, icmpv6, another IANA keyword, or the number' CODEC(ZSTD(1)),
    src_port    Nullable(UInt16) COMMENT 'Source port; NULL where the line has none' CODEC(ZSTD(1)),
    dst_ip      Nullable(IPv6) COMMENT 'Destination address; NULL where the line has none or hides it' CODEC(ZSTD(1)),
    dst_port    Nullable(UInt16) COMMENT 'Destination port; NULL where the line has none' CODEC(ZSTD(1)),
    tcp_flags   LowCardinality(Nullable(String)) COMMENT 'Letters of FSRPAUEC; empty is a NULL scan, NULL where the line has none' CODEC(ZSTD(1)),
    icmp_type   Nullable(UInt8) COMMENT 'ICMP type; NULL where there is none' CODEC(ZSTD(1)),
    icmp_code   Nullable(UInt8) COMMENT 'ICMP code; NULL where there is none' CODEC(ZSTD(1)),
    packets     UInt32 DEFAULT 1 COMMENT 'Packets that the line stands for; attempts are sum(packets)' CODEC(ZSTD(1)),
    label       LowCardinality(String) COMMENT 'The device''s own words or rule' CODEC(ZSTD(1)),
    network     LowCardinality(String) COMMENT 'Smallest registered block that holds the source: CIDR or first-last' CODEC(ZSTD(1)),
    owner       LowCardinality(String) COMMENT 'Family that the registrant belongs to; empty where nothing is known' CODEC(ZSTD(1)),
    registrant  LowCardinality(String) COMMENT 'Name in the registration, as written' CODEC(ZSTD(1)),
    netname     LowCardinality(String) COMMENT 'Short name of the block in its registry' CODEC(ZSTD(1)),
    country     LowCardinality(String) COMMENT 'Country of the block, ISO 3166 alpha-2' CODEC(ZSTD(1)),
    carrier     LowCardinality(String) COMMENT 'Owner of the next larger block' CODEC(ZSTD(1)),
    asn         UInt32 COMMENT 'AS that announces the prefix; 0 where not known' CODEC(ZSTD(1)),
    as_name     LowCardinality(String) COMMENT 'Name of that AS' CODEC(ZSTD(1)),
    owner_basis LowCardinality(String) COMMENT 'What the attribution rests on: override, whois, rdap, asn, none' CODEC(ZSTD(1)),
    owner_as_of Nullable(DateTime('UTC')) COMMENT 'When the attribution was true; owners change' CODEC(ZSTD(1)),
    owner_why   LowCardinality(String) COMMENT 'Rule that made the family' CODEC(ZSTD(1)),
    cause       LowCardinality(String) COMMENT 'What the packet most likely is: scan, reply, peer, backscatter, research, noise, unknown' CODEC(ZSTD(1)),
    cause_why   LowCardinality(String) COMMENT 'Evidence that decided the cause' CODEC(ZSTD(1)),
    line        String COMMENT 'Log line as read, at most 4096 bytes; empty where lines are not kept' CODEC(ZSTD(1)),
    origin      String COMMENT 'File or listener, and position' CODEC(ZSTD(3)),
    enriched_at DateTime('UTC') DEFAULT now() COMMENT 'When the facts were attached; of two rows of one event the later is kept' CODEC(Delta(4), ZSTD(1)),

    src String ALIAS if(startsWith(toString(src_ip), '::ffff:') AND position(toString(src_ip), '.') > 0, substring(toString(src_ip), 8), toString(src_ip))
        COMMENT 'src_ip as people write it, 192.0.2.1 or 2001:db8::1',
    dst Nullable(String) ALIAS if(startsWith(toString(dst_ip), '::ffff:') AND position(toString(dst_ip), '.') > 0, substring(toString(dst_ip), 8), toString(dst_ip))
        COMMENT 'dst_ip as people write it',

    -- The rule of scan.Public, range by range; a test compares the two.
    knock Bool MATERIALIZED direction IN ('in', 'unknown') AND NOT (
           src_ip BETWEEN toIPv6('::ffff:0.0.0.0') AND toIPv6('::ffff:0.255.255.255')
        OR src_ip BETWEEN toIPv6('::ffff:10.0.0.0') AND toIPv6('::ffff:10.255.255.255')
        OR src_ip BETWEEN toIPv6('::ffff:100.64.0.0') AND toIPv6('::ffff:100.127.255.255')
        OR src_ip BETWEEN toIPv6('::ffff:127.0.0.0') AND toIPv6('::ffff:127.255.255.255')
        OR src_ip BETWEEN toIPv6('::ffff:169.254.0.0') AND toIPv6('::ffff:169.254.255.255')
        OR src_ip BETWEEN toIPv6('::ffff:172.16.0.0') AND toIPv6('::ffff:172.31.255.255')
        OR src_ip BETWEEN toIPv6('::ffff:192.168.0.0') AND toIPv6('::ffff:192.168.255.255')
        OR src_ip BETWEEN toIPv6('::ffff:198.18.0.0') AND toIPv6('::ffff:198.19.255.255')
        OR src_ip BETWEEN toIPv6('::ffff:224.0.0.0') AND toIPv6('::ffff:255.255.255.255')
        OR src_ip <= toIPv6('::1')
        OR src_ip BETWEEN toIPv6('fc00::') AND toIPv6('fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')
        OR src_ip BETWEEN toIPv6('fe80::') AND toIPv6('febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff')
        OR src_ip >= toIPv6('ff00::'))
        COMMENT 'An attempt from outside: direction in or unknown, public source. Owners and sources count these only',

    CONSTRAINT has_id CHECK id != 0,
    CONSTRAINT has_source CHECK src_ip != toIPv6('::'),
    CONSTRAINT time_in_range CHECK time >= toDateTime64('1970-01-01 00:00:00', 3, 'UTC') AND time < toDateTime64('2106-01-01 00:00:00', 3, 'UTC'),
    CONSTRAINT has_packets CHECK packets > 0
)
ENGINE = {{sharded "ReplacingMergeTree(enriched_at)"}}
PARTITION BY toYYYYMM(time)
ORDER BY (src_ip, time, id)
-- A batch is written as one file, not as two for each column that are synced one by one; merges make wide parts of them.
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_bytes_for_wide_part = 67108864
COMMENT 'One row for each packet logged, or each line that stands for several';

{{if cluster}}
-- All shards as one table, and the parts of which the shards are made.
CREATE TABLE IF NOT EXISTS events{{on}} AS {{shard}}
ENGINE = Distributed('{{cluster}}', '{{database}}', '{{shard}}', cityHash64(src_ip))
COMMENT 'One row for each packet logged, or each line that stands for several';

CREATE TABLE IF NOT EXISTS shard_parts{{on}} AS system.parts
ENGINE = Distributed('{{cluster}}', 'system', 'parts')
COMMENT 'Parts of the tables of each shard';
{{end}}

-- What owners and sources are counted from. An explicit list: SELECT * would
-- leave out the computed columns.
CREATE VIEW IF NOT EXISTS knocks{{on}} AS
SELECT
    src, src_ip, time, id, time_basis, received, sensor, format, verdict, direction, proto,
    src_port, dst, dst_ip, dst_port, tcp_flags, icmp_type, icmp_code, packets, label,
    network, owner, registrant, netname, country, carrier, asn, as_name,
    owner_basis, owner_as_of, owner_why, cause, cause_why, line, origin, enriched_at
FROM events FINAL
WHERE knock;
