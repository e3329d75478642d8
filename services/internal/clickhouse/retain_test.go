package clickhouse_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
)

func TestKeepLines(t *testing.T) {
	db := migrated(t)
	insert(t, db, event(1, "192.0.2.1", "", "owner", scan.BasisASN, asOf, asOf))
	ttl := func() string {
		return text(t, db, "SELECT extract(create_table_query, 'line` String[^\\n]*TTL ([^,]*)') FROM system.tables WHERE database = currentDatabase() AND name = $1", db.Shard())
	}
	keep := func(days int) {
		t.Helper()
		for range 2 { // a second time changes nothing
			if err := db.KeepLines(t.Context(), time.Duration(days)*24*time.Hour); err != nil {
				t.Fatal(err)
			}
		}
	}
	keep(90)
	if got := ttl(); got != "stored + toIntervalDay(90)" {
		t.Errorf("life of lines is %q", got)
	}
	if n := number(t, db, "SELECT count() FROM events WHERE line != ''"); n != 1 {
		t.Errorf("%d lines are left, want 1: it is new", n)
	}
	// An older one goes, the event stays. Its new version does not begin anew.
	exec(t, db, "INSERT INTO events (src_ip, time, id, direction, line, stored, enriched_at) VALUES ('192.0.2.9', '2026-11-01 00:00:00', 9, 'in', 'old line', now() - 100 * 86400, now() - 100 * 86400)")
	if n, err := db.Reattribute(t.Context(), answer("192.0.2.9", "192.0.2.9", "192.0.2.9/32", "new", scan.BasisWHOIS, asOf)); err != nil || n != 1 {
		t.Fatalf("Reattribute() = %d, %v", n, err)
	}
	exec(t, db, "OPTIMIZE TABLE "+db.Shard()+" FINAL")
	if got := text(t, db, "SELECT toString(groupArray((id, line))) FROM (SELECT * FROM events ORDER BY id)"); got != "[(1,'line'),(9,'')]" {
		t.Errorf("events and lines: %s", got)
	}
	keep(30)
	keep(0)
	if got := ttl(); got != "" {
		t.Errorf("life of lines is %q, want none", got)
	}
}

// Events that have outlived their time go, their roll-ups stay, until these go too.
func TestDropEvents(t *testing.T) {
	db := migrated(t)
	var events []scan.Enriched
	for i := range 60 {
		events = append(events, event(i+1, fmt.Sprintf("192.0.2.%d", i%7), "", "owner", scan.BasisASN, asOf, time.Date(2026, time.Month(1+i%6), 1+i%28, 0, 0, 0, 0, time.UTC)))
	}
	insert(t, db, events...)
	before := digest(t, db, "owners_by_month")
	days := digest(t, db, "owner_days")
	dropped, err := db.DropEvents(t.Context(), time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC))
	if err != nil || len(dropped) != 3 {
		t.Fatalf("DropEvents() = %v, %v, want three months", dropped, err)
	}
	if n := number(t, db, "SELECT count() FROM events"); n != 30 {
		t.Errorf("%d events are left, want 30", n)
	}
	same := func(when string) {
		t.Helper()
		if got := digest(t, db, "owners_by_month"); got != before {
			t.Errorf("%s: owners_by_month is %s, was %s", when, got, before)
		}
		if got := digest(t, db, "owner_days"); got != days {
			t.Errorf("%s: owner_days is %s, was %s", when, got, days)
		}
	}
	same("dropped")
	buildStale(t, db)
	same("built")
	// The log is imported once more: what was dropped is not counted again.
	insert(t, db, events[:6]...)
	same("imported again")
	if dropped, err := db.DropEvents(t.Context(), time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)); err != nil || len(dropped) != 3 {
		t.Errorf("DropEvents() = %v, %v, want three months again", dropped, err)
	}
	buildStale(t, db)
	same("dropped again")

	if err := db.DropRollups(t.Context(), time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	got := text(t, db, "SELECT toString(arraySort(groupUniqArray(toYYYYMM(month)))) FROM owners_by_month")
	if diff := cmp.Diff("[202603,202604,202605,202606]", got); diff != "" {
		t.Errorf("months that are left (-want +got)\n%s", diff)
	}
}

// Nothing of a source is left, in no version of any row.
func TestForget(t *testing.T) {
	db := migrated(t)
	at := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	insert(t, db, event(1, "192.0.2.1", "", "old", scan.BasisASN, asOf, at), event(2, "192.0.2.1", "", "old", scan.BasisASN, asOf, at.AddDate(0, 1, 0)),
		event(3, "192.0.2.11", "", "other", scan.BasisASN, asOf, at), event(4, "2001:db8::1", "", "six", scan.BasisASN, asOf, at))
	one := answer("192.0.2.1", "192.0.2.1", "192.0.2.1/32", "person", scan.BasisWHOIS, asOf)
	if _, err := db.Reattribute(t.Context(), one); err != nil { // two versions of each
		t.Fatal(err)
	}
	if err := db.InsertAttributed(t.Context(), one, asOf); err != nil {
		t.Fatal(err)
	}
	if err := db.InsertRejected(t.Context(), []scan.Rejected{
		{ID: 1, Kind: scan.KindRejected, Line: "bad line from 192.0.2.1:99 to me"}, {ID: 2, Kind: scan.KindRejected, Line: "from 192.0.2.11"},
		{ID: 3, Kind: scan.KindRejected, Line: "SRC=192.0.2.1"}, {ID: 4, Kind: scan.KindRejected, Line: "from 1192.0.2.1, 192.0.2.1.5 and 192x0x2x1"},
		{ID: 5, Kind: scan.KindRejected, Line: "192.0.2.1."},
		{ID: 6, Kind: scan.KindRejected, Line: "SRC=2001:0db8:0000:0000:0000:0000:0000:0001 DST=x"}, {ID: 7, Kind: scan.KindRejected, Line: "[2001:DB8::1]:53"},
		{ID: 8, Kind: scan.KindRejected, Line: "from 2001:db8::11 and 2001:db8::1:1 and 1:2001:db8::1"},
	}); err != nil {
		t.Fatal(err)
	}
	buildStale(t, db)
	gone, err := db.Forget(t.Context(), netip.MustParseAddr("192.0.2.1"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(clickhouse.Forgotten{Events: 2, Rejected: 3, Attributions: 1}, gone); diff != "" {
		t.Errorf("Forget() (-want +got)\n%s", diff)
	}
	right(t, db, "forgotten")
	for query, want := range map[string]uint64{
		"SELECT count() FROM events WHERE src_ip = toIPv6('192.0.2.1') SETTINGS final = 0": 0,
		"SELECT count() FROM source_month WHERE src_ip = toIPv6('192.0.2.1')":              0,
		"SELECT count() FROM address_month WHERE src_ip = toIPv6('192.0.2.1')":             0,
		"SELECT count() FROM events":       2,
		"SELECT count() FROM rejected":     5,
		"SELECT count() FROM attributions": 0,
	} {
		if n := number(t, db, query); n != want {
			t.Errorf("%s = %d, want %d", query, n, want)
		}
	}
	if gone, err := db.Forget(t.Context(), netip.MustParseAddr("2001:db8::1")); err != nil || gone.Events != 1 || gone.Rejected != 2 {
		t.Errorf("Forget() of IPv6 = %+v, %v", gone, err)
	}
}
