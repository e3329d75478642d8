package clickhousetest_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/whoknocks/whoknocks/services/internal/clickhouse/clickhousetest"
)

// TestKilledEngineLosesNothing ends the embedded engine in the middle of
// inserts, several times, on a table such as events. What it had acknowledged must be
// there, and repeating the batch in flight must make the table exact. With
// non_replicated_deduplication_window it would not be: a part is noted as seen before it
// is there, and after a kill in between, one of sixty, the repeat is thrown away.
func TestKilledEngineLosesNothing(t *testing.T) {
	const rows, rounds, months = 1000, 4, 6
	dir := t.TempDir()
	acknowledged := 0 // batches; batch n holds the numbers n*rows …
	for round := range rounds {
		start := time.Now()
		e := clickhousetest.StartEngine(t, dir)
		t.Logf("ready after %v", time.Since(start).Round(time.Millisecond))
		conn := clickhousetest.Open(t, e.DSN)
		if round == 0 {
			for _, sql := range []string{"CREATE DATABASE d", `CREATE TABLE d.t (a UInt64, p UInt8) ENGINE = ReplacingMergeTree PARTITION BY p ORDER BY a
				SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`} {
				if err := conn.Exec(t.Context(), sql); err != nil {
					t.Fatal(err)
				}
			}
		}
		if round > 0 {
			// The batch in flight at the kill, again; then everything must be there once.
			if err := send(t.Context(), conn, acknowledged, rows, months); err != nil {
				t.Fatal(err)
			}
			acknowledged++
			var count, distinct uint64
			if err := conn.QueryRow(t.Context(), "SELECT count(), uniqExact(a) FROM d.t FINAL").Scan(&count, &distinct); err != nil {
				t.Fatal(err)
			}
			if want := uint64(acknowledged * rows); count != want || distinct != want {
				t.Fatalf("round %d: %d rows, %d of them distinct, want %d", round, count, distinct, want)
			}
		}
		if round == rounds-1 {
			if err := e.Stop(); err != nil {
				t.Error(err)
			}
			break
		}
		time.AfterFunc(200*time.Millisecond+rand.N(300*time.Millisecond), e.Kill)
		for send(t.Context(), conn, acknowledged, rows, months) == nil {
			acknowledged++
		}
		e.Kill() // it may have been the network
	}
	t.Logf("%d batches of %d rows", acknowledged, rows)
	if acknowledged <= rounds {
		t.Errorf("only %d batches: the kill came before any insert", acknowledged)
	}
}

func send(ctx context.Context, conn driver.Conn, n, rows, months int) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"deduplicate_insert": "disable"}))
	b, err := conn.PrepareBatch(ctx, "INSERT INTO d.t")
	if err != nil {
		return err
	}
	for i := range rows {
		if err := b.Append(uint64(n*rows+i), uint8(i%months)); err != nil {
			return err
		}
	}
	return b.Send()
}

// TestEngineWaitsForItsPredecessor starts an engine over a folder that another
// still has: it waits, and takes over once that one has ended.
func TestEngineWaitsForItsPredecessor(t *testing.T) {
	dir := t.TempDir()
	first := clickhousetest.StartEngine(t, dir)
	time.AfterFunc(300*time.Millisecond, first.Kill)
	second := clickhousetest.StartEngine(t, dir)
	if err := clickhousetest.Open(t, second.DSN).Ping(t.Context()); err != nil {
		t.Error(err)
	}
}
