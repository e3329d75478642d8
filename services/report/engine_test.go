package report

import (
	"context"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse/clickhousetest"
)

// openDB connects to a fresh database with the tables made: once as their
// owner, and once as somebody who may only read.
func openDB(t testing.TB) (db, reader *clickhouse.DB) {
	t.Helper()
	dsn := clickhousetest.DSN(t)
	db = connect(t, dsn)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db, asReader(t, dsn, db)
}

func connect(t testing.TB, dsn string) *clickhouse.DB {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	db, err := clickhouse.Open(ctx, clickhouse.Config{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// asReader connects to the database of db as the engine's user who may only
// read, or returns db where the tests were given a server of their own.
func asReader(t testing.TB, dsn string, db *clickhouse.DB) *clickhouse.DB {
	t.Helper()
	if os.Getenv(clickhousetest.EnvDSN) != "" {
		return db
	}
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.User = nil
	return connect(t, u.String())
}

func insert(t testing.TB, db *clickhouse.DB, events ...scan.Enriched) {
	t.Helper()
	if err := db.InsertEvents(t.Context(), events); err != nil {
		t.Fatal(err)
	}
}

// event is an ordinary attempt, changed by change.
func event(id scan.ID, change func(*scan.Enriched)) scan.Enriched {
	e := scan.Enriched{
		Event: scan.Event{
			ID: id, Time: firstSeen.Add(time.Duration(id) * time.Second), TimeBasis: scan.TimeZoneAssumed, Received: lastSeen,
			Sensor: "home", Format: "netgear-dg834", Verdict: scan.VerdictDrop, Direction: scan.DirectionIn,
			Proto: "udp", SrcIP: netip.MustParseAddr("198.51.100.7"), SrcPort: scan.Some[uint16](3478),
			DstIP: netip.MustParseAddr("192.0.2.77"), DstPort: scan.Some[uint16](1033), Packets: 1,
			Label: "PORT SCAN", Line: "as read", Origin: "test:1",
		},
		Facts: scan.Facts{
			Network: "198.51.100.0/24", Owner: "Example", Country: "US", OwnerBasis: scan.BasisOverride,
			OwnerAsOf: asOf, OwnerWhy: "test", Cause: scan.CauseScan, CauseWhy: "label",
		},
	}
	if change != nil {
		change(&e)
	}
	return e
}

// founding reads deploy/samples as ingest and enrich do, but with the simplest
// means, so that the sample is checked against the founding table in any case.
func founding(t testing.TB) []scan.Enriched {
	t.Helper()
	read := func(name string) string {
		text, err := os.ReadFile("../../deploy/samples/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	countries := map[netip.Prefix]string{}
	for _, m := range regexp.MustCompile(`prefix: (\S+), country: (..)\b`).FindAllStringSubmatch(read("owners-2012.yaml"), -1) {
		countries[netip.MustParsePrefix(m[1])] = m[2]
	}
	var events []scan.Enriched
	lines := regexp.MustCompile(`(?m)^..., (.{19}) - (TCP|UDP) Packet - Source:(\S+),(\d+) Destination:(\S+),(\d+) - \[(.+)\]$`)
	for _, m := range lines.FindAllStringSubmatch(read("adsl-2012-04.log"), -1) {
		events = append(events, event(scan.ID(1000+len(events)), func(e *scan.Enriched) {
			moment, err := time.Parse(time.DateTime, m[1])
			if err != nil {
				t.Fatal(err)
			}
			port := func(s string) scan.Opt[uint16] {
				n, err := strconv.ParseUint(s, 10, 16)
				if err != nil {
					t.Fatal(err)
				}
				return scan.Some(uint16(n))
			}
			e.Time, e.SrcIP, e.SrcPort, e.DstPort, e.Label = moment, netip.MustParseAddr(m[3]), port(m[4]), port(m[6]), m[7]
			e.Proto, e.Line = map[string]string{"TCP": "tcp", "UDP": "udp"}[m[2]], m[0]
			e.Facts = scan.Facts{OwnerBasis: scan.BasisNone, Cause: scan.CauseReply}
			for prefix, country := range countries {
				if prefix.Contains(e.SrcIP) {
					e.Network, e.Country, e.Owner = prefix.String(), country, "Akamai"
					e.OwnerBasis, e.OwnerAsOf = scan.BasisOverride, time.Date(2012, 1, 1, 0, 0, 0, 0, time.UTC)
				}
			}
		}))
	}
	return events
}

// foundingTable is the table of the founding issue: networks, attempts of each
// source, countries.
var foundingTable = []struct {
	network  string
	attempts []uint64
	country  string
}{
	{"124.40.51.0/24", []uint64{1}, "JP"},
	{"208.46.117.0/24", []uint64{15}, "US"},
	{"209.107.220.0/24", []uint64{16}, "US"},
	{"209.170.97.0/24", []uint64{7}, "US"},
	{"213.248.117.0/24", []uint64{9}, "GB"},
	{"217.212.238.0/24", []uint64{7, 6}, "FR"},
	{"69.22.151.0/24", []uint64{15, 11, 4}, "US"},
	{"72.246.0.0/16", []uint64{9}, "US"},
}
