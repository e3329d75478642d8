-- +goose NO TRANSACTION
-- +goose Up

-- The raw line has a life of its own, which begins when it is stored. New versions
-- of a row carry the date along.
ALTER TABLE {{shard}}{{on}} ADD COLUMN IF NOT EXISTS stored DateTime('UTC') DEFAULT now() COMMENT 'When the line was stored; it lives for store.keep_line_days from then on' CODEC(Delta(4), ZSTD(1)) AFTER enriched_at;

{{if cluster}}
ALTER TABLE events{{on}} ADD COLUMN IF NOT EXISTS stored DateTime('UTC') DEFAULT now() COMMENT 'When the line was stored; it lives for store.keep_line_days from then on' AFTER enriched_at;
{{end}}
