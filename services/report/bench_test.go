package report

import (
	"io"
	"testing"
	"time"
)

// BenchmarkPage makes the page out of the founding table, without ClickHouse.
func BenchmarkPage(b *testing.B) {
	sources := sampleSources()
	for len(sources.Rows) < DefaultConfig().SourceRows {
		sources.Rows = append(sources.Rows, sources.Rows...)
	}
	web, err := loadWeb()
	if err != nil {
		b.Fatal(err)
	}
	view := newPageView(Filter{Since: april}, "2012-04", []time.Time{april}, sampleOwners(), sources, lastSeen)
	b.ReportAllocs()
	for b.Loop() {
		if err := web.pages["page.html"].Execute(io.Discard, view); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPrintable is the usual name and one with letters beyond ASCII.
func BenchmarkPrintable(b *testing.B) {
	for _, name := range []string{"Akamai Technologies, Inc.", "Société Générale"} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(name)))
			b.ReportAllocs()
			for b.Loop() {
				Printable(name)
			}
		})
	}
}

// BenchmarkReader asks the engine for the tables of a month in which a million
// events came from 50,000 sources of 1,000 owners.
func BenchmarkReader(b *testing.B) {
	db, readOnly := openDB(b)
	insert(b, db, event(1, nil))
	err := db.Conn().Exec(b.Context(), `
		INSERT INTO events (src_ip, time, id, sensor, format, direction, proto, packets, owner, network, country, cause, owner_as_of)
		SELECT toIPv6(IPv4NumToString(toUInt32(3405803776 + cityHash64(number) % 50000))), toDateTime64('2012-04-01 00:00:00', 3, 'UTC') + toIntervalSecond(number * 2),
			number + 10, 'home', 'test', 'in', 'udp', 1, concat('owner ', toString(cityHash64(number) % 1000)),
			concat('net ', toString(cityHash64(number) % 5000)), 'US', 'scan', now()
		FROM numbers(1000000)`)
	if err != nil {
		b.Fatal(err)
	}
	reader := NewReader(readOnly.Conn())
	f := Filter{Since: april, Until: april.AddDate(0, 1, 0), Limit: 200}
	run := func(name string, query func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := query(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	run("owners", func() error { _, err := reader.Owners(b.Context(), f); return err })
	run("sources", func() error { _, err := reader.Sources(b.Context(), f); return err })
	run("months", func() error { _, err := reader.Months(b.Context()); return err })
}
