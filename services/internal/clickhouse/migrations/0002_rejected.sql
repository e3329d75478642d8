-- +goose NO TRANSACTION
-- +goose Up

-- Lines that became no event, with the reason. The same line read again has the
-- same id and replaces itself.
CREATE TABLE IF NOT EXISTS rejected{{on}}
(
    sensor   LowCardinality(String) COMMENT 'Router, firewall or host that wrote the line' CODEC(ZSTD(1)),
    id       UInt64 COMMENT 'Content hash' CODEC(NONE),
    kind     LowCardinality(String) COMMENT 'rejected: a format claims the line but it is damaged or impossible; unrecognised: no format claims it, a sample' CODEC(ZSTD(1)),
    stage    LowCardinality(String) COMMENT 'Service that gave it up: ingest, enrich, store' CODEC(ZSTD(1)),
    reason   String COMMENT 'Why' CODEC(ZSTD(1)),
    received Nullable(DateTime64(3, 'UTC')) COMMENT 'When the line was received' CODEC(ZSTD(1)),
    format   LowCardinality(String) COMMENT 'Format that claimed it, or empty' CODEC(ZSTD(1)),
    line     String COMMENT 'Line as read, at most 4096 bytes' CODEC(ZSTD(1)),
    origin   String COMMENT 'File or listener, and position' CODEC(ZSTD(1))
)
ENGINE = {{everywhere "ReplacingMergeTree"}}
ORDER BY (sensor, id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Lines that became no event: all that are rejected, samples of those not recognised';
