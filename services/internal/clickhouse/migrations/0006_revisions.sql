-- +goose NO TRANSACTION
-- +goose Up

-- What whoknocks reattribute has changed, and when.
CREATE TABLE IF NOT EXISTS revisions{{on}}
(
    at       DateTime64(3, 'UTC') COMMENT 'When' CODEC(ZSTD(1)),
    month    Date COMMENT 'First day of the month of the events' CODEC(ZSTD(1)),
    before   LowCardinality(String) COMMENT 'Owner until then; empty where nothing was known' CODEC(ZSTD(1)),
    after    LowCardinality(String) COMMENT 'Owner from then on' CODEC(ZSTD(1)),
    why      LowCardinality(String) COMMENT 'Rule that made the family' CODEC(ZSTD(1)),
    events   UInt64 COMMENT 'Events that were changed' CODEC(ZSTD(1)),
    attempts UInt64 COMMENT 'Their packets' CODEC(ZSTD(1))
)
ENGINE = {{everywhere "MergeTree"}}
ORDER BY (at, month, before, after)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Record of re-attributions that somebody asked for';
