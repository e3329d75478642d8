package clickhousetest_test

import (
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/whoknocks/whoknocks/services/internal/clickhouse/clickhousetest"
)

// BenchmarkInsert sends batches of 100,000 rows of the shape of an event's
// numbers, with fsync, and reports rows a second.
func BenchmarkInsert(b *testing.B) {
	conn := clickhousetest.Open(b, clickhousetest.DSN(b))
	if err := conn.Exec(b.Context(), `CREATE TABLE bench (ip IPv6, time DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)), id UInt64 CODEC(NONE),
		sensor LowCardinality(String), port UInt16, owner LowCardinality(String)) ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(time) ORDER BY (ip, time, id)
		SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`); err != nil {
		b.Fatal(err)
	}
	const rows = 100_000
	var (
		ips     = make([]string, rows)
		times   = make([]time.Time, rows)
		ids     = make([]uint64, rows)
		sensors = make([]string, rows)
		ports   = make([]uint16, rows)
		owners  = make([]string, rows)
	)
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	for i := range rows {
		ips[i], times[i], sensors[i] = "2001:db8::1", now.Add(time.Duration(i)*time.Millisecond), "home-adsl"
		ports[i], owners[i] = uint16(i), "Example"
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		for i := range ids {
			ids[i] = uint64(n*rows+i) * 0x9E3779B97F4A7C15
		}
		batch, err := conn.PrepareBatch(b.Context(), "INSERT INTO bench")
		if err != nil {
			b.Fatal(err)
		}
		for i, column := range []any{ips, times, ids, sensors, ports, owners} {
			if err := batch.Column(i).Append(column); err != nil {
				b.Fatal(err)
			}
		}
		if err := batch.Send(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*rows/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkQuery runs small aggregations over a million rows, some at a time.
func BenchmarkQuery(b *testing.B) {
	dsn := clickhousetest.DSN(b)
	opts, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		b.Fatal(err)
	}
	opts.MaxOpenConns, opts.MaxIdleConns = 16, 16
	conn, err := clickhouse.Open(opts)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	for _, sql := range []string{
		"CREATE TABLE bench (a UInt64, b LowCardinality(String)) ENGINE = MergeTree ORDER BY a",
		"INSERT INTO bench SELECT number, toString(number % 100) FROM numbers(1000000)",
	} {
		if err := conn.Exec(b.Context(), sql); err != nil {
			b.Fatal(err)
		}
	}
	for _, q := range []struct{ name, sql string }{
		{"One", "SELECT toUInt64(1)"},
		{"Point", "SELECT count() FROM bench WHERE a BETWEEN 5000 AND 6000"},
		{"Scan", "SELECT sum(a) FROM bench WHERE b = '7'"},
	} {
		b.Run(q.name, func(b *testing.B) {
			b.SetParallelism(4)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					var v uint64
					if err := conn.QueryRow(b.Context(), q.sql).Scan(&v); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "queries/s")
		})
	}
}
