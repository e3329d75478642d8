package clickhouse_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse/clickhousetest"
)

// The tables must have what the code writes, and every column must say what it is.
func TestMigrate(t *testing.T) {
	db := migrated(t)
	if err := db.Migrate(t.Context()); err != nil {
		t.Errorf("second Migrate() = %v", err)
	}
	for table, want := range map[string]map[string]string{
		"events":       clickhouse.EventColumns(),
		"rejected":     clickhouse.RejectedColumns(),
		"attributions": clickhouse.AttributedColumns(),
	} {
		got := map[string]string{}
		rows, err := db.Conn().Query(t.Context(), "SELECT name, type, default_kind, comment FROM system.columns WHERE database = currentDatabase() AND table = $1", table)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var name, kind, computed, comment string
			if err := rows.Scan(&name, &kind, &computed, &comment); err != nil {
				t.Fatal(err)
			}
			if comment == "" {
				t.Errorf("column %s.%s has no comment", table, name)
			}
			if computed != "ALIAS" && computed != "MATERIALIZED" && name != "stored" { // which ClickHouse fills in
				got[name] = kind
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("columns of %s mismatch (-code +table)\n%s", table, diff)
		}
		settings := text(t, db, "SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = $1", table)
		for _, s := range []string{"fsync_after_insert = 1", "fsync_part_directory = 1"} {
			if !strings.Contains(settings, s) {
				t.Errorf("table %s is made without %s", table, s)
			}
		}
	}
}

func TestMigrateConcurrently(t *testing.T) {
	dsn := clickhousetest.DSN(t)
	var wg sync.WaitGroup
	for range 6 {
		db := openDSN(t, dsn)
		wg.Go(func() {
			if err := db.Migrate(t.Context()); err != nil {
				t.Errorf("Migrate() = %v", err)
			}
		})
	}
	wg.Wait()
	db := openDSN(t, dsn)
	if err := db.Migrate(t.Context()); err != nil {
		t.Errorf("Migrate() afterwards = %v", err)
	}
	insert(t, db, clickhouse.Sample(10)...)
	if n := number(t, db, "SELECT count() FROM events"); n != 10 {
		t.Errorf("%d events, want 10", n)
	}
}

func TestMigrateRefusesNewer(t *testing.T) {
	db := migrated(t)
	insert(t, db, clickhouse.Sample(10)...)
	newer := fstest.MapFS{"9001_later.sql": {Data: []byte("-- +goose NO TRANSACTION\n-- +goose Up\nALTER TABLE events ADD COLUMN IF NOT EXISTS later String;\n")}}
	err := fs.WalkDir(clickhouse.Migrations(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(clickhouse.Migrations(), path)
		newer[path] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.MigrateFrom(t.Context(), newer); err != nil {
		t.Fatal(err)
	}
	err = db.Migrate(t.Context())
	if !errors.Is(err, clickhouse.ErrNewer) || !strings.Contains(err.Error(), "version 9001") {
		t.Errorf("Migrate() = %v, want ErrNewer that tells version 9001", err)
	}
	if n := number(t, db, "SELECT count() FROM events WHERE later = ''"); n != 10 {
		t.Errorf("the newer database was changed: %d events, want 10", n)
	}
}

// A statement that ClickHouse does not take is not tried for ever.
func TestMigrateGivesUp(t *testing.T) {
	db := open(t)
	bad := fstest.MapFS{"0001_bad.sql": {Data: []byte("-- +goose NO TRANSACTION\n-- +goose Up\nALTER TABLE nowhere ADD COLUMN x String;\n")}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := db.MigrateFrom(ctx, bad); clickhouse.Classify(err) != clickhouse.Schema {
		t.Errorf("MigrateFrom(bad) = %v, want the error of ClickHouse", err)
	}
}
