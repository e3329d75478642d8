-- +goose NO TRANSACTION
-- +goose Up

-- Every answer about a block that was ever learnt: owners change, and what was
-- true of a block in one year tells about the events of that year.
CREATE TABLE IF NOT EXISTS attributions{{on}}
(
    first       IPv6 COMMENT 'First address of the block; IPv4 as ::ffff:a.b.c.d' CODEC(ZSTD(1)),
    last        IPv6 COMMENT 'Last address of the block' CODEC(ZSTD(1)),
    id          UInt64 COMMENT 'Content hash of the whole answer' CODEC(NONE),
    learnt      DateTime64(3, 'UTC') COMMENT 'When it was published' CODEC(ZSTD(1)),
    network     String COMMENT 'The block: CIDR or first-last' CODEC(ZSTD(1)),
    owner       LowCardinality(String) COMMENT 'Family that the registrant belongs to' CODEC(ZSTD(1)),
    registrant  String COMMENT 'Name in the registration, as written' CODEC(ZSTD(1)),
    netname     String COMMENT 'Short name of the block in its registry' CODEC(ZSTD(1)),
    country     LowCardinality(String) COMMENT 'Country, ISO 3166 alpha-2' CODEC(ZSTD(1)),
    carrier     LowCardinality(String) COMMENT 'Owner of the next larger block' CODEC(ZSTD(1)),
    asn         UInt32 COMMENT 'AS that announces the prefix; 0 where not known' CODEC(ZSTD(1)),
    as_name     LowCardinality(String) COMMENT 'Name of that AS' CODEC(ZSTD(1)),
    owner_basis LowCardinality(String) COMMENT 'What it rests on: override, whois, rdap, asn, none' CODEC(ZSTD(1)),
    owner_as_of Nullable(DateTime('UTC')) COMMENT 'When it was true' CODEC(ZSTD(1)),
    owner_why   LowCardinality(String) COMMENT 'Rule that made the family' CODEC(ZSTD(1))
)
ENGINE = {{everywhere "ReplacingMergeTree"}}
ORDER BY (first, last, id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'History of what was learnt about the owners of address blocks';
