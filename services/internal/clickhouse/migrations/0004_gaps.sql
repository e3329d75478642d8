-- +goose NO TRANSACTION
-- +goose Up

{{define "all"}}{{if cluster}} SETTINGS alter_sync = 2{{end}}{{end -}}

-- A device that says how many packets it did not log tells of a gap: no event,
-- as nobody knows the sources, but no silence either.
ALTER TABLE rejected ADD COLUMN IF NOT EXISTS packets UInt32 DEFAULT 0 COMMENT 'Of a gap, the packets that the device has not logged; 0 where it does not tell how many' CODEC(ZSTD(1)) AFTER format{{template "all"}};

ALTER TABLE rejected COMMENT COLUMN kind 'rejected: a format claims the line but it is damaged or impossible; unrecognised: no format claims it, a sample; gap: the device says that it has not logged everything'{{template "all"}};

CREATE VIEW IF NOT EXISTS gaps{{on}} AS
SELECT sensor, format, received, packets, reason, line, origin
FROM rejected FINAL
WHERE kind = 'gap';
