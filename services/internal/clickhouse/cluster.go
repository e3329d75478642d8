package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

// A cluster of ClickHouse servers holds the same tables under the same names. The
// events are spread over its shards by source, in a table of each shard, and events
// is the Distributed table over these: what is known of a source is in one place, so
// a repeat of an event meets the first. Everything else is small, and replicated to
// every server, roll-ups included: a question over years asks no other server.
//
// The servers need Keeper and the macros {shard} and {replica}, as replication does.

// layout is how the tables lie on the servers.
type layout struct {
	database string
	cluster  string // empty on one server

	// What an engine in a test cannot do.
	spread     bool // statements over tables go to every server
	replicated bool // tables are copied
}

// newLayout is that of one server, or of a cluster with a name.
func newLayout(database, cluster string) layout {
	return layout{database, cluster, cluster != "", cluster != ""}
}

var clusterName = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

// shard is the name of the table that holds the events of one shard.
func (l layout) shard() string {
	if l.cluster == "" {
		return "events"
	}
	return "events_shard"
}

// onCluster is what makes a statement over tables one of every server.
func (l layout) onCluster() string {
	if !l.spread {
		return ""
	}
	return " ON CLUSTER `" + l.cluster + "`"
}

// altered is a table as ALTER TABLE has to name it: the events in every shard; what is
// on every server is altered on one of them.
func (l layout) altered(table string) string {
	if table == "events" {
		return l.shard() + l.onCluster()
	}
	return table
}

// everywhere is the engine of a table that every server has whole.
func (l layout) everywhere(engine string) string {
	return l.replica(engine, "/clickhouse/tables/{database}/{table}", "{shard}-{replica}")
}

// sharded is the engine of a table of which every shard has a part.
func (l layout) sharded(engine string) string {
	return l.replica(engine, "/clickhouse/tables/{database}/{table}/{shard}", "{replica}")
}

func (l layout) replica(engine, path, replica string) string {
	if !l.replicated {
		return engine
	}
	name, args, _ := strings.Cut(strings.TrimSuffix(engine, ")"), "(")
	if args != "" {
		args = ", " + args
	}
	return fmt.Sprintf("Replicated%s('%s', '%s'%s)", name, path, replica, args)
}

// settings are those of every statement on a cluster. An insert is done when the
// shards have it; of a subquery on events, each shard gets the whole answer.
func (l layout) settings() driver.Settings {
	if l.cluster == "" {
		return nil
	}
	return driver.Settings{"distributed_foreground_insert": 1, "distributed_product_mode": "global"}
}

// ErrLayout is returned by Migrate when the tables lie otherwise than the
// configuration says: on one server, or over a cluster.
var ErrLayout = errors.New("the tables lie otherwise than the configuration says")

// asConfigured refuses tables of another layout: inserts through a Distributed table
// that is not known for one would be answered before they are durable.
func (db *DB) asConfigured(ctx context.Context) error {
	engine, err := db.engine(ctx, "events")
	if err != nil || engine == "" {
		return err
	}
	distributed := strings.HasPrefix(engine, "Distributed")
	switch {
	case distributed && db.layout.cluster == "":
		return fmt.Errorf("%w: events is %s; set clickhouse.cluster to the name of the cluster", ErrLayout, engine)
	case !distributed && db.layout.cluster != "":
		return fmt.Errorf("%w: events is the table of one server; leave clickhouse.cluster empty, or use another database", ErrLayout)
	}
	return nil
}

// engine is that of a table with its clauses, empty if there is no such table.
func (db *DB) engine(ctx context.Context, table string) (engine string, err error) {
	err = db.conn.QueryRow(ctx, "SELECT max(engine_full) FROM system.tables WHERE database = ? AND name = ?", db.Database(), table).Scan(&engine)
	return engine, err
}

// versions makes the table by which the migrations know how far they have come, on
// every server of a cluster; on one server they make it themselves.
func (db *DB) versions(ctx context.Context) error {
	if db.layout.cluster == "" {
		return nil
	}
	return db.conn.Exec(ctx, "CREATE TABLE IF NOT EXISTS goose_db_version"+db.layout.onCluster()+
		" (version_id Int64, is_applied UInt8, date Date DEFAULT now(), tstamp DateTime DEFAULT now()) ENGINE = "+
		db.layout.everywhere("MergeTree")+" ORDER BY version_id")
}

// level is the state of a month's events that every replica has that answers: what is
// read of them from then on is of that state at least.
func (db *DB) level(ctx context.Context, month time.Time) (version uint64, err error) {
	ctx = driver.Context(ctx, driver.WithSettings(driver.Settings{"skip_unavailable_shards": 1}))
	err = db.conn.QueryRow(ctx, fmt.Sprintf(`SELECT sum(number) FROM
		(
			SELECT min(number) AS number FROM clusterAllReplicas('%s', view(
				SELECT toUInt64(max(greatest(max_block_number, data_version))) AS number FROM system.parts
				WHERE active AND database = '%s' AND table = '%s' AND substring(partition_id, 1, 6) = '%s'))
			GROUP BY _shard_num
		)`, db.layout.cluster, quoting.Replace(db.Database()), db.layout.shard(), month.Format("200601"))).Scan(&version)
	return version, err
}
