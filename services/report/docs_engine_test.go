package report

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
)

// The six questions of 30-sql.md are answered by the engine, and each finds
// something in the sample.
func TestDocQueries(t *testing.T) {
	db, readOnly := openDB(t)
	insert(t, db, append(founding(t), event(1, nil))...)
	err := db.InsertRejected(t.Context(), []scan.Rejected{{
		ID: 1, Kind: scan.KindRejected, Stage: "ingest", Reason: "impossible address", Received: lastSeen,
		Sensor: "home", Format: "netgear-dg834", Line: "UDP Packet - Source:300.1.1.1", Origin: "test:2",
	}})
	if err != nil {
		t.Fatal(err)
	}
	askAll(t, readOnly, fences(t, "30-sql.md", "sql"), 6)
}

// askAll runs the queries of a document, each of which finds something.
func askAll(t *testing.T, db *clickhouse.DB, queries []string, want int) {
	t.Helper()
	if len(queries) != want {
		t.Errorf("%d queries, want the %d that are announced", len(queries), want)
	}
	for _, query := range queries {
		rows, err := db.Conn().Query(t.Context(), query)
		if err != nil {
			t.Errorf("%v:\n%s", err, query)
			continue
		}
		n := 0
		for rows.Next() {
			n++
		}
		if err := rows.Close(); err != nil || rows.Err() != nil || n == 0 {
			t.Errorf("%d rows, %v, %v:\n%s", n, err, rows.Err(), query)
		}
	}
}

// The twenty questions of 35-cookbook.md, before and after the roll-ups are built.
func TestCookbook(t *testing.T) {
	db, readOnly := openDB(t)
	events := founding(t)
	at := events[0].Time
	for i := range 40 { // a spike, an address that changed hands, a carrier, own traffic
		e := event(scan.ID(5000+i), func(e *scan.Enriched) {
			e.Time, e.Owner, e.Carrier, e.SrcIP = at.AddDate(0, 0, i%2), "Spiky", "Carrier", events[i%3].SrcIP
		})
		events = append(events, e)
	}
	events = append(events, event(6000, func(e *scan.Enriched) { e.Direction, e.Time = scan.DirectionOut, at }))
	insert(t, db, events...)
	gap := scan.Rejected{ID: 2, Kind: scan.KindGap, Stage: "ingest", Reason: "3 not logged", Received: lastSeen, Sensor: "home", Packets: 3, Line: "last message repeated", Origin: "test:3"}
	block := scan.Attributed{First: netip.MustParseAddr("192.0.2.0"), Last: netip.MustParseAddr("192.0.2.255"), Facts: scan.Facts{Network: "192.0.2.0/24", Owner: "Example", OwnerBasis: scan.BasisWHOIS, OwnerAsOf: lastSeen}}
	if err := errors.Join(db.InsertRejected(t.Context(), []scan.Rejected{gap}), db.InsertAttributed(t.Context(), block, lastSeen)); err != nil {
		t.Fatal(err)
	}
	months, err := db.EventMonths(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var list []clickhouse.Revision
	for _, m := range months {
		err := db.Held(t.Context(), m, nil, func(h clickhouse.Held) error {
			if h.Facts.Owner == "Spiky" {
				r := clickhouse.Revision{Held: h, Facts: h.Facts}
				r.Facts.Registrant = "Spiky Ltd"
				list = append(list, r)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if n, err := db.Revise(t.Context(), m, nil, list); err != nil || len(months) != 1 || n != 40 {
			t.Fatalf("Revise() = %d, %v", n, err)
		}
	}
	queries := fences(t, "35-cookbook.md", "sql")
	askAll(t, readOnly, queries, 20)
	for _, m := range months {
		if err := db.Build(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(6500 * time.Millisecond) // until they are read
	askAll(t, readOnly, queries, 20)
}

// 30-sql.md lists the columns that the table has, in its words and order.
func TestDocColumns(t *testing.T) {
	db, _ := openDB(t)
	rows, err := db.Conn().Query(t.Context(),
		"SELECT name, type, comment FROM system.columns WHERE database = currentDatabase() AND table = 'events' ORDER BY position")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var want strings.Builder
	want.WriteString("| column | type | what |\n|---|---|---|\n")
	for rows.Next() {
		var name, kind, comment string
		if err := rows.Scan(&name, &kind, &comment); err != nil {
			t.Fatal(err)
		}
		kind = strings.ReplaceAll(kind, "LowCardinality(String)", "String")
		kind = strings.ReplaceAll(kind, "LowCardinality(Nullable(String))", "Nullable(String)")
		fmt.Fprintf(&want, "| `%s` | `%s` | %s |\n", name, kind, comment)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}

	const path = "docs/30-sql.md"
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	start := bytes.Index(source, []byte("\n| column |")) + 1
	if start == 0 {
		t.Fatalf("%s has no table of columns", path)
	}
	end := start
	for bytes.HasPrefix(source[end:], []byte("|")) {
		end += bytes.IndexByte(source[end:], '\n') + 1
	}
	if *update {
		text := string(source[:start]) + want.String() + string(source[end:])
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want.String(), string(source[start:end])); diff != "" {
		t.Errorf("%s mismatch (-want +got); run with -update:\n%s", path, diff)
	}
}
