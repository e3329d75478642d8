package clickhouse

import (
	"context"
	"io/fs"
	"time"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

// What the tests on an engine need of the inside. They are a package of their
// own, because clickhousetest may import this one.

// EventColumns maps the names of what Events writes to their types.
func EventColumns() map[string]string { return columnTypes(eventColumns()) }

// RejectedColumns is the same for table rejected.
func RejectedColumns() map[string]string { return columnTypes(rejectedColumns()) }

// AttributedColumns is the same for table attributions.
func AttributedColumns() map[string]string { return columnTypes(attributedColumns()) }

func columnTypes[R any](cols []col[R]) map[string]string {
	types := map[string]string{}
	for _, c := range cols {
		types[c.name()] = c.kind()
	}
	return types
}

// MigrateFrom is Migrate with other migrations.
func (db *DB) MigrateFrom(ctx context.Context, source fs.FS) error { return db.migrate(ctx, source) }

// UseBatches makes db insert as it does in the native protocol.
func (db *DB) UseBatches() { db.streams = false }

// Migrations are the files of this version.
func Migrations() fs.FS {
	source, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err)
	}
	return source
}

// Sample is n events of a log read from a file.
func Sample(n int) []scan.Enriched { return sample(n) }

// LiveSampler returns a source of events that are received as they happen.
func LiveSampler(step time.Duration) func(*scan.Enriched) { return newSampler(1, step, true).next }

// FileSampler returns a source of events of a log read from a file.
func FileSampler(step time.Duration) func(*scan.Enriched) { return newSampler(1, step, false).next }

// Embed leaves to a cluster what the embedded engine can do of it: Distributed tables.
func (db *DB) Embed() { db.layout.spread, db.layout.replicated = false, false }

// ClusterMigrations are the statements that make the tables on a cluster.
func ClusterMigrations(database, cluster string, spread bool) (fs.FS, error) {
	l := newLayout(database, cluster)
	l.spread = spread
	return l.filled(migrations)
}

// Shard is the table that holds the events.
func (db *DB) Shard() string { return db.layout.shard() }

// Rollups are the tables of roll-ups, each with its column of time.
func Rollups() (list [][2]string) {
	for _, r := range rollups {
		list = append(list, [2]string{r.table, r.time})
	}
	return list
}
