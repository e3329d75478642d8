package report

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

// The six questions of 30-sql.md are answered by the engine, and each finds
// something in the sample.
func TestDocQueries(t *testing.T) {
	db, readOnly := openDB(t)
	insert(t, db, "sample", append(founding(t), event(1, nil))...)
	err := db.InsertRejected(t.Context(), []scan.Rejected{{
		ID: 1, Kind: scan.KindRejected, Stage: "ingest", Reason: "impossible address", Received: lastSeen,
		Sensor: "home", Format: "netgear-dg834", Line: "UDP Packet - Source:300.1.1.1", Origin: "test:2",
	}}, "rejected")
	if err != nil {
		t.Fatal(err)
	}
	queries := fences(t, "30-sql.md", "sql")
	if len(queries) != 6 {
		t.Errorf("%d queries, want the six that are announced", len(queries))
	}
	for _, query := range queries {
		rows, err := readOnly.Conn().Query(t.Context(), query)
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
