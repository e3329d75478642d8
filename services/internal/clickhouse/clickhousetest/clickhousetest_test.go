package clickhousetest_test

import (
	"testing"

	"github.com/whoknocks/whoknocks/services/internal/clickhouse/clickhousetest"
)

func TestDSNGivesFreshDatabases(t *testing.T) {
	a, b := clickhousetest.DSN(t), clickhousetest.DSN(t)
	if a == b {
		t.Fatalf("DSN() gave %q twice", a)
	}
	conn := clickhousetest.Open(t, a)
	var name string
	var tables uint64
	if err := conn.QueryRow(t.Context(), "SELECT currentDatabase(), count() FROM system.tables WHERE database = currentDatabase()").Scan(&name, &tables); err != nil {
		t.Fatal(err)
	}
	if name == "" || tables != 0 {
		t.Errorf("database %q has %d tables, want a name and none", name, tables)
	}
}

func TestSuite(t *testing.T) { clickhousetest.Suite(t, clickhousetest.DSN(t)) }
