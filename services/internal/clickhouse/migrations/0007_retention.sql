-- +goose NO TRANSACTION
-- +goose Up

-- The raw line has a life of its own, which begins when it is stored. New versions
-- of a row carry the date along.
ALTER TABLE events ADD COLUMN IF NOT EXISTS stored DateTime('UTC') DEFAULT now() COMMENT 'When the line was stored; it lives for store.keep_line_days from then on' CODEC(Delta(4), ZSTD(1)) AFTER enriched_at;

-- A month whose events have outlived store.keep_events_days leaves its roll-ups behind.
ALTER TABLE rollups ADD COLUMN IF NOT EXISTS kept UInt8 DEFAULT 0 COMMENT 'The events were dropped on purpose, and the roll-ups stay';

CREATE OR REPLACE VIEW stale_months AS
SELECT toDate(concat(substring(toString(s.month), 1, 4), '-', substring(toString(s.month), 5, 2), '-01')) AS month, s.version AS version
FROM month_states AS s
LEFT JOIN (SELECT * FROM rollups FINAL) AS r ON r.month = s.month
WHERE r.kept = 0 AND (s.version = 0 OR r.version != s.version OR r.blocks != s.blocks);
