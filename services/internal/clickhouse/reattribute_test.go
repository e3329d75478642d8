package clickhouse_test

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
)

var asOf = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// event is an event of a source with an attribution.
func event(id int, src, network, owner string, basis scan.Basis, as time.Time, at time.Time) scan.Enriched {
	return scan.Enriched{
		Event: scan.Event{ID: scan.ID(id), Time: at, SrcIP: netip.MustParseAddr(src), Direction: scan.DirectionIn, Packets: 2, Line: "line"},
		Facts: scan.Facts{Network: network, Owner: owner, OwnerBasis: basis, OwnerAsOf: as, Cause: scan.CauseScan, CauseWhy: "SYN"},
	}
}

func answer(first, last, network, owner string, basis scan.Basis, as time.Time) scan.Attributed {
	return scan.Attributed{
		First: netip.MustParseAddr(first), Last: netip.MustParseAddr(last),
		Facts: scan.Facts{Network: network, Owner: owner, Registrant: `O'Hara \ Sons`, OwnerBasis: basis, OwnerAsOf: as, Cause: "not used"},
	}
}

// owners tells the owner of each event by id, with the sum of packets.
func owners(t *testing.T, db *clickhouse.DB) string {
	t.Helper()
	return text(t, db, "SELECT toString((sum(packets), arrayMap(x -> concat(toString(x.1), ' ', x.2), arraySort(groupArray((id, owner)))))) FROM events")
}

func TestReattribute(t *testing.T) {
	db := migrated(t)
	at := time.Date(2012, 4, 10, 0, 0, 0, 0, time.UTC)
	old, later := asOf.AddDate(-1, 0, 0), asOf.AddDate(0, 1, 0)
	insert(t, db, event(1, "192.0.2.0", "192.0.0.0/16", "by AS", scan.BasisASN, asOf, at),
		event(2, "192.0.2.255", "", "", scan.BasisNone, time.Time{}, at.AddDate(1, 0, 0)),
		event(3, "192.0.2.10", "192.0.2.0/24", "older answer", scan.BasisWHOIS, old, at.AddDate(2, 0, 0)),
		event(4, "192.0.2.11", "192.0.2.0/24", "later answer", scan.BasisRDAP, later, at),
		event(5, "192.0.2.12", "192.0.2.8/29", "smaller block", scan.BasisWHOIS, old, at),
		event(6, "192.0.2.13", "192.0.2.0/23", "larger block", scan.BasisWHOIS, old, at),
		event(7, "192.0.2.14", "", "rule of the user", scan.BasisOverride, old, at),
		event(8, "192.0.1.255", "192.0.0.0/16", "below", scan.BasisASN, asOf, at),
		event(9, "192.0.3.0", "192.0.0.0/16", "above", scan.BasisASN, asOf, at),
		event(10, "192.0.2.15", "192.0.2.14/31", "smaller, by AS", scan.BasisASN, asOf, at),
	)
	f := func(a scan.Attributed, rows uint64, want string) {
		t.Helper()
		got, err := db.Reattribute(t.Context(), a)
		if err != nil || got != rows {
			t.Errorf("Reattribute(%s) = %d, %v, want %d", a.Owner, got, err, rows)
		}
		if diff := cmp.Diff(want, owners(t, db)); diff != "" {
			t.Errorf("owners mismatch after %s (-want +got)\n%s", a.Owner, diff)
		}
	}
	registry := answer("192.0.2.0", "192.0.2.255", "192.0.2.0/24", "Registrant", scan.BasisWHOIS, asOf)
	state := `(20,['1 Registrant','2 Registrant','3 Registrant','4 later answer','5 smaller block','6 Registrant','7 rule of the user','8 below','9 above','10 Registrant'])`
	f(registry, 5, state)
	f(registry, 0, state) // again changes nothing
	again := registry
	again.OwnerAsOf = later
	state = `(20,['1 Registrant','2 Registrant','3 Registrant','4 Registrant','5 smaller block','6 Registrant','7 rule of the user','8 below','9 above','10 Registrant'])`
	f(again, 1, state) // the same answer later is news only for what says something else
	f(answer("192.0.2.0", "192.0.2.255", "192.0.2.0/24", "by AS", scan.BasisASN, later), 0, state)
	f(answer("192.0.2.0", "192.0.2.255", "", "nobody", scan.BasisNone, later), 0, state)
	rule := answer("192.0.2.0", "192.0.2.15", "192.0.2.0/28", `Robert'); DROP TABLE events; -- \`, scan.BasisOverride, asOf)
	state = `(20,['1 Robert\'); DROP TABLE events; -- \\','2 Registrant','3 Robert\'); DROP TABLE events; -- \\','4 Robert\'); DROP TABLE events; -- \\','5 Robert\'); DROP TABLE events; -- \\','6 Robert\'); DROP TABLE events; -- \\','7 Robert\'); DROP TABLE events; -- \\','8 below','9 above','10 Robert\'); DROP TABLE events; -- \\'])`
	f(rule, 7, state)
	f(answer("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::/32", "six", scan.BasisWHOIS, asOf), 0, state)

	// Everything else of the event stays, cause included, and it is one event still.
	got := text(t, db, "SELECT toString((count(), any(time), any(cause), any(cause_why), any(line), any(packets), any(registrant), any(knock))) FROM events WHERE id = 1")
	if want := `(1,'2012-04-10 00:00:00.000','scan','SYN','line',2,'O\'Hara \\ Sons',true)`; got != want {
		t.Errorf("event 1 is %s, want %s", got, want)
	}

	// The message that brought the event comes again: its facts are older.
	repeat := clickhouse.NewEvents()
	e := event(1, "192.0.2.0", "192.0.0.0/16", "by AS", scan.BasisASN, asOf, at)
	repeat.Add(&e, time.Now().Add(-time.Minute))
	if err := db.Insert(t.Context(), repeat); err != nil {
		t.Fatal(err)
	}
	if got := owners(t, db); got != state {
		t.Errorf("a repeat undid the attribution: %s", got)
	}

	for _, bad := range []scan.Attributed{{}, {First: rule.First}, {First: rule.Last, Last: rule.First}, {First: rule.First, Last: netip.MustParseAddr("2001:db8::1")}} {
		if _, err := db.Reattribute(t.Context(), bad); err == nil {
			t.Errorf("Reattribute(%v to %v) = nil, want an error", bad.First, bad.Last)
		}
	}
}

// Who had an address when it knocked stays its owner then, whoever has it later;
// and an answer of the time, found late, takes the place of one of later.
func TestReattributeKeepsWhatWasTrueThen(t *testing.T) {
	db := migrated(t)
	at := time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)
	insert(t, db, event(1, "192.0.2.1", "192.0.2.0/24", "then", scan.BasisWHOIS, at.AddDate(0, 0, 1), at),
		event(2, "192.0.2.1", "192.0.2.0/24", "then", scan.BasisWHOIS, at.AddDate(0, 0, 1), asOf),
		event(3, "192.0.2.2", "192.0.2.0/24", "long after", scan.BasisWHOIS, at.AddDate(1, 0, 0), at),
		event(4, "192.0.2.3", "", "by AS", scan.BasisASN, at, at),
	)
	f := func(a scan.Attributed, rows uint64, want string) {
		t.Helper()
		got, err := db.Reattribute(t.Context(), a)
		if err != nil || got != rows {
			t.Errorf("Reattribute(%s) = %d, %v, want %d", a.Owner, got, err, rows)
		}
		if diff := cmp.Diff(want, owners(t, db)); diff != "" {
			t.Errorf("owners mismatch after %s (-want +got)\n%s", a.Owner, diff)
		}
	}
	f(answer("192.0.2.0", "192.0.2.255", "192.0.2.0/24", "now", scan.BasisWHOIS, asOf), 3, "(8,['1 then','2 now','3 now','4 now'])")
	f(answer("192.0.2.0", "192.0.2.255", "192.0.2.0/24", "then", scan.BasisWHOIS, at.AddDate(0, 0, 2)), 3, "(8,['1 then','2 now','3 then','4 then'])")
	f(answer("192.0.2.0", "192.0.2.255", "192.0.2.0/24", "soon after", scan.BasisWHOIS, at.AddDate(0, 0, 20)), 3, "(8,['1 soon after','2 now','3 soon after','4 soon after'])")
}

// A clock that stands behind must not make the new version lose.
func TestReattributeWinsWhateverTheClock(t *testing.T) {
	db := migrated(t)
	e := event(1, "192.0.2.1", "", "old", scan.BasisASN, asOf, time.Unix(1e9, 0))
	b := clickhouse.NewEvents()
	b.Add(&e, time.Now().Add(24*time.Hour))
	if err := db.Insert(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	n, err := db.Reattribute(t.Context(), answer("192.0.2.0", "192.0.2.255", "192.0.2.0/24", "new", scan.BasisWHOIS, asOf))
	if err != nil || n != 1 || owners(t, db) != "(2,['1 new'])" {
		t.Errorf("Reattribute() = %d, %v; owners %s", n, err, owners(t, db))
	}
}

// Readers see each event once, the old or the new version, at every moment.
func TestReattributeIsExactMeanwhile(t *testing.T) {
	db := migrated(t)
	const events = 20_000
	var all []scan.Enriched
	for i := range events {
		all = append(all, event(i+1, fmt.Sprintf("192.0.2.%d", i%256), "192.0.0.0/16", "owner -1", scan.BasisASN, asOf, time.Date(2012, time.Month(1+i%3), 1, 0, 0, i, 0, time.UTC)))
	}
	insert(t, db, all...)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		reads := 0
		for ; ctx.Err() == nil; reads++ {
			var n, packets uint64
			err := db.Conn().QueryRow(context.Background(), "SELECT count(), sum(packets) FROM events WHERE startsWith(owner, 'owner')").Scan(&n, &packets)
			if err != nil || n != events || packets != 2*events {
				t.Errorf("a reader sees %d events, %d packets, %v; want %d and %d", n, packets, err, events, 2*events)
				return
			}
		}
		if reads < 3 {
			t.Errorf("only %d reads: the test shows nothing", reads)
		}
	})
	for i := range 3 {
		a := answer("192.0.2.0", "192.0.2.255", "192.0.2.0/24", fmt.Sprintf("owner %d", i), scan.BasisWHOIS, asOf.AddDate(0, 0, i))
		if n, err := db.Reattribute(t.Context(), a); err != nil || n != events {
			t.Errorf("Reattribute() = %d, %v, want %d", n, err, events)
		}
	}
	cancel()
	wg.Wait()
	if n := number(t, db, "SELECT countIf(owner = 'owner 2') FROM events"); n != events {
		t.Errorf("%d events have the last owner, want %d", n, events)
	}
}

func TestInsertAttributed(t *testing.T) {
	db := migrated(t)
	a := answer("192.0.2.0", "192.0.2.255", "192.0.2.0/24", "first owner", scan.BasisWHOIS, asOf)
	for range 2 {
		if err := db.InsertAttributed(t.Context(), a, asOf); err != nil {
			t.Fatal(err)
		}
	}
	a.Owner, a.OwnerAsOf = "second owner", asOf.AddDate(1, 0, 0)
	if err := db.InsertAttributed(t.Context(), a, asOf.AddDate(1, 0, 0)); err != nil {
		t.Fatal(err)
	}
	got := text(t, db, "SELECT toString(groupArray((first, last, owner, owner_as_of, learnt))) FROM (SELECT * FROM attributions ORDER BY learnt)")
	want := `[('::ffff:192.0.2.0','::ffff:192.0.2.255','first owner','2026-11-01 00:00:00','2026-11-01 00:00:00.000'),('::ffff:192.0.2.0','::ffff:192.0.2.255','second owner','2027-11-01 00:00:00','2027-11-01 00:00:00.000')]`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("history mismatch (-want +got)\n%s", diff)
	}
}
