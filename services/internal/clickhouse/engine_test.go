package clickhouse_test

import (
	"context"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse/clickhousetest"
)

// open connects to a fresh database.
func open(t testing.TB) *clickhouse.DB {
	t.Helper()
	return openDSN(t, clickhousetest.DSN(t))
}

// cluster is over which cluster openDSN's databases are spread, none but in
// TestOnCluster.
var cluster string

func openDSN(t testing.TB, dsn string) *clickhouse.DB {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	db, err := clickhouse.Open(ctx, clickhouse.Config{DSN: dsn, Cluster: cluster})
	if err != nil {
		t.Fatal(err)
	}
	if cluster != "" {
		db.Embed()
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	})
	return db
}

// migrated is open with the tables made.
func migrated(t testing.TB) *clickhouse.DB {
	t.Helper()
	db := open(t)
	if err := db.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return db
}

// number asks for one number.
func number(t testing.TB, db *clickhouse.DB, query string, args ...any) uint64 {
	t.Helper()
	var n uint64
	if err := db.Conn().QueryRow(context.Background(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// text asks for one text.
func text(t testing.TB, db *clickhouse.DB, query string, args ...any) string {
	t.Helper()
	var s string
	if err := db.Conn().QueryRow(context.Background(), query, args...).Scan(&s); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return s
}

func exec(t testing.TB, db *clickhouse.DB, query string) {
	t.Helper()
	if err := db.Conn().Exec(context.Background(), query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func insert(t testing.TB, db *clickhouse.DB, events ...scan.Enriched) {
	t.Helper()
	if err := db.InsertEvents(context.Background(), events); err != nil {
		t.Fatal(err)
	}
}
