package report

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

// The sample gives the founding table, also when it was read twice.
func TestFoundingTable(t *testing.T) {
	db, readOnly := openDB(t)
	reader := NewReader(readOnly.Conn())
	events := founding(t)
	insert(t, db, events...)
	insert(t, db, events[:60]...)
	insert(t, db, events[30:]...)

	f := Filter{Since: april, Until: april.AddDate(0, 1, 0)}
	owners, err := reader.Owners(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	first, last := time.Date(2012, 4, 10, 18, 22, 1, 0, time.UTC), time.Date(2012, 4, 12, 13, 12, 56, 0, time.UTC)
	wantOwners := Owners{
		Rows: []OwnerRow{{
			Owner: "Akamai", Attempts: 100, Sources: 11, Networks: 8,
			Countries: []Share{{"US", 77}, {"FR", 13}, {"GB", 9}, {"JP", 1}}, Causes: []Share{{"reply", 100}},
			FirstSeen: first, LastSeen: last, OwnerAsOf: time.Date(2012, 1, 1, 0, 0, 0, 0, time.UTC),
		}},
		Total:    Total{Attempts: 100, Sources: 11, Networks: 8, Owners: 1, FirstSeen: first, LastSeen: last},
		matching: 1,
	}
	if diff := cmp.Diff(wantOwners, owners, cmp.AllowUnexported(Owners{})); diff != "" {
		t.Errorf("Owners() mismatch (-want +got):\n%s", diff)
	}

	sources, err := reader.Sources(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	if sources.Total != (Total{Attempts: 100, Sources: 11, FirstSeen: first, LastSeen: last}) || sources.Limited() {
		t.Errorf("total = %+v", sources.Total)
	}
	rows := sources.Rows
	for _, want := range foundingTable {
		var got []uint64
		for _, row := range rows {
			if !netip.MustParsePrefix(want.network).Contains(row.Addr) {
				continue
			}
			got = append(got, row.Attempts)
			if row.Country != want.country || row.Owner != "Akamai" || row.Address != row.Addr.String() {
				t.Errorf("%s: %+v, want %s and Akamai", want.network, row, want.country)
			}
		}
		if diff := cmp.Diff(want.attempts, got); diff != "" {
			t.Errorf("%s mismatch (-want +got):\n%s", want.network, diff)
		}
	}
	if len(rows) != 11 {
		t.Errorf("%d sources, want 11", len(rows))
	}
	for i := 1; i < len(rows); i++ {
		a, b := rows[i-1], rows[i]
		if a.Attempts < b.Attempts || a.Attempts == b.Attempts && !a.Addr.Less(b.Addr) {
			t.Errorf("%v with %d stands before %v with %d", a.Addr, a.Attempts, b.Addr, b.Attempts)
		}
	}

	// The documentation shows this very table.
	var masked bytes.Buffer
	if err := sources.Mask().Write(&masked, FormatTable); err != nil {
		t.Fatal(err)
	}
	golden(t, "founding.txt", masked.String())
	if shown := fences(t, "10-getting-started.md", "text"); len(shown) != 1 || shown[0] != masked.String() {
		t.Errorf("10-getting-started.md does not show:\n%s", &masked)
	}
}

func TestReader(t *testing.T) {
	db, readOnly := openDB(t)
	reader := NewReader(readOnly.Conn())
	for _, query := range []func() (int, Total, error){
		func() (int, Total, error) {
			t, err := reader.Owners(t.Context(), Filter{})
			return len(t.Rows), t.Total, err
		},
		func() (int, Total, error) {
			t, err := reader.Sources(t.Context(), Filter{})
			return len(t.Rows), t.Total, err
		},
	} {
		if n, total, err := query(); n != 0 || total != (Total{}) || err != nil {
			t.Errorf("an empty database gives %d rows, %+v, %v", n, total, err)
		}
	}
	if months, err := reader.Months(t.Context()); len(months) != 0 || err != nil {
		t.Errorf("an empty database has months %v, %v", months, err)
	}

	addr := func(text string) func(*scan.Enriched) {
		return func(e *scan.Enriched) { e.SrcIP = netip.MustParseAddr(text) }
	}
	events := []scan.Enriched{
		event(1, nil),
		event(2, func(e *scan.Enriched) { e.Packets = 40 }), // one line that stands for forty
		event(3, addr("2001:db8::7")),
		event(4, func(e *scan.Enriched) { e.Sensor, e.Proto, e.Cause = "office", "tcp", scan.CauseReply }),
		event(5, func(e *scan.Enriched) { e.Direction = scan.DirectionUnknown }),
		// The address changed hands later.
		event(6, func(e *scan.Enriched) {
			e.Time, e.Owner, e.Country = e.Time.AddDate(3, 0, 0), "Later Ltd", "NL"
		}),
		event(11, func(e *scan.Enriched) {
			e.Owner, e.SrcIP, e.Time, e.Packets = "Late Ltd", netip.MustParseAddr("203.0.113.77"), e.OwnerAsOf.AddDate(0, 0, -LateDays).Add(-time.Second), 5
		}),
		event(12, func(e *scan.Enriched) {
			e.Owner, e.SrcIP, e.Time = "Late Ltd", netip.MustParseAddr("203.0.113.77"), e.OwnerAsOf.AddDate(0, 0, -LateDays)
		}),
		// Nobody is known.
		event(7, func(e *scan.Enriched) {
			e.SrcIP, e.Facts = netip.MustParseAddr("203.0.113.9"), scan.Facts{OwnerBasis: scan.BasisNone, Cause: scan.CauseUnknown}
		}),
		// No attempts: own traffic, the LAN, and what has no public source.
		event(8, func(e *scan.Enriched) { e.Direction = scan.DirectionOut }),
		event(9, func(e *scan.Enriched) { e.Direction = scan.DirectionLocal }),
		event(10, addr("192.168.1.9")),
	}
	for i, name := range evil {
		name = strings.ToValidUTF8(name, "?")
		events = append(events, event(scan.ID(100+i), func(e *scan.Enriched) {
			e.Owner, e.SrcIP, e.Time = name, netip.AddrFrom4([4]byte{203, 0, 113, byte(100 + i)}), asOf
		}))
	}
	insert(t, db, events...)
	insert(t, db, events...) // all of it twice

	plain := Filter{Since: firstSeen, Until: asOf} // leaves out those of asOf and 2015
	with := func(change func(*Filter)) Filter { f := plain; change(&f); return f }
	f := func(filter Filter, want ...string) {
		t.Helper()
		table, err := reader.Sources(t.Context(), filter)
		if err != nil {
			t.Errorf("%+v: %v", filter, err)
			return
		}
		var got []string
		attempts := uint64(0)
		for _, r := range table.Rows {
			got = append(got, strings.Join([]string{r.Address, r.Country, r.Owner, count(r.Attempts)}, " "))
			attempts += r.Attempts
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%+v mismatch (-want +got):\n%s", filter, diff)
		}
		owners, err := reader.Owners(t.Context(), filter)
		if err != nil {
			t.Errorf("%+v: %v", filter, err)
		}
		if owners.Total.Attempts != table.Total.Attempts || owners.Total.Sources != table.Total.Sources {
			t.Errorf("%+v: owners have %+v, sources %+v", filter, owners.Total, table.Total)
		}
		if !table.Limited() && attempts != table.Total.Attempts {
			t.Errorf("%+v: rows have %d attempts, the total %d", filter, attempts, table.Total.Attempts)
		}
	}
	f(plain, "198.51.100.7 US Example 43", "203.0.113.9   1", "2001:db8::7 US Example 1")
	f(with(func(f *Filter) { f.Owner = "eXample" }), "198.51.100.7 US Example 43", "2001:db8::7 US Example 1")
	f(with(func(f *Filter) { f.Owner = NoOwner }), "203.0.113.9   1")
	f(with(func(f *Filter) { f.Owner = "Exampl" }))
	f(with(func(f *Filter) { f.Sensor = "office" }), "198.51.100.7 US Example 1")
	f(with(func(f *Filter) { f.Proto = "TCP" }), "198.51.100.7 US Example 1")
	f(with(func(f *Filter) { f.Cause = "reply" }), "198.51.100.7 US Example 1")
	f(with(func(f *Filter) { f.Limit = 1 }), "198.51.100.7 US Example 43")
	// Both bounds to the millisecond: the first counts, the last does not.
	f(Filter{Since: firstSeen.Add(time.Second), Until: firstSeen.Add(2 * time.Second)}, "198.51.100.7 US Example 1")
	f(Filter{Since: firstSeen.Add(1001 * time.Millisecond), Until: firstSeen.Add(2001 * time.Millisecond)}, "198.51.100.7 US Example 40")
	// A source that changed hands has a row for each owner, and is one source.
	f(Filter{Owner: "Later Ltd"}, "198.51.100.7 NL Later Ltd 1")
	// Whose owner was learnt long after them, and on the day that is not yet so.
	late, err := reader.Sources(t.Context(), Filter{Owner: "Late Ltd"})
	if err != nil {
		t.Fatal(err)
	}
	if len(late.Rows) != 1 || late.Rows[0].Attempts != 6 || late.Rows[0].Late != 5 || late.Total.Late != 5 {
		t.Errorf("learnt late: %+v", late)
	}
	if owners, err := reader.Owners(t.Context(), Filter{Owner: "Late Ltd"}); err != nil || len(owners.Rows) != 1 || owners.Rows[0].Late != 5 || owners.Total.Late != 5 {
		t.Errorf("learnt late: %+v, %v", owners, err)
	}
	table, err := reader.Sources(t.Context(), Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if n, want := uint64(len(table.Rows)), table.Total.Sources+1; n != want || table.Limited() {
		t.Errorf("%d rows of %d sources, want %d rows", n, table.Total.Sources, want)
	}
	// What strangers call themselves is found by exactly that, and by nothing else.
	for i, name := range evil {
		name = strings.ToValidUTF8(name, "?")
		f(Filter{Owner: name}, netip.AddrFrom4([4]byte{203, 0, 113, byte(100 + i)}).String()+" US "+name+" 1")
	}
	f(Filter{Owner: "' OR 1=1 --"})
	f(Filter{Owner: `\`})
	f(Filter{Owner: "\t\n\x00"})
	f(Filter{Sensor: "{owner:String}"})

	limited, err := reader.Owners(t.Context(), Filter{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(limited.Rows) != 1 || !limited.Limited() || limited.Rows[0].Owner != "Example" ||
		limited.Total.Owners != uint64(3+len(evil)) || limited.Total.Attempts != uint64(52+len(evil)) {
		t.Errorf("limited to one: %+v", limited)
	}
	months, err := reader.Months(t.Context())
	if diff := cmp.Diff([]time.Time{april.AddDate(3, 0, 0), april, april.AddDate(0, -3, 0)}, months); diff != "" || err != nil {
		t.Errorf("Months() mismatch (-want +got), %v:\n%s", err, diff)
	}
	for _, bad := range []Filter{{Limit: -1}, {Since: lastSeen, Until: firstSeen}} {
		if _, err := reader.Owners(t.Context(), bad); err == nil {
			t.Errorf("Owners(%+v) is answered", bad)
		}
		if _, err := reader.Sources(t.Context(), bad); err == nil {
			t.Errorf("Sources(%+v) is answered", bad)
		}
	}
}

// A source is shown in the last country that is known of it, not in one of before, and not in
// none because the last attempt has none.
func TestSourcesShowLastCountry(t *testing.T) {
	db, readOnly := openDB(t)
	var events []scan.Enriched
	for i, country := range []string{"DE", "ZA", "AT", ""} {
		events = append(events, event(scan.ID(1+i), func(e *scan.Enriched) { e.Country = country }))
	}
	insert(t, db, events...)
	for _, f := range []Filter{{}, {Since: firstSeen, Until: asOf}} { // of months, and of a part of one
		table, err := NewReader(readOnly.Conn()).Sources(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		if len(table.Rows) != 1 || table.Rows[0].Country != "AT" || table.Rows[0].Attempts != 4 {
			t.Errorf("%+v: %+v, want one row, in AT, of 4 attempts", f, table.Rows)
		}
	}
}

// The tables are the same whether the roll-ups have been built, some or all of
// them, or not, whatever the bounds.
func TestReaderWithRollups(t *testing.T) {
	db, readOnly := openDB(t)
	reader := NewReader(readOnly.Conn())
	var events []scan.Enriched
	for i := range 600 {
		events = append(events, event(scan.ID(1000+i), func(e *scan.Enriched) {
			e.Time = april.Add(time.Duration(i) * 5 * time.Hour) // until August
			e.SrcIP = netip.AddrFrom4([4]byte{198, 51, 100, byte(i % 37)})
			e.Owner, e.Packets = "Owner "+string(rune('A'+i%5)), uint32(1+i%4)
			e.Country = []string{"", "US", "DE"}[i%3]
			e.OwnerAsOf = e.Time.AddDate(0, 0, i%180)
			if i%7 == 0 {
				e.Cause = scan.CauseReply
			}
		}))
	}
	insert(t, db, events...)
	may := april.AddDate(0, 1, 0)
	filters := []Filter{
		{}, {Owner: "owner b"}, {Cause: "reply"}, {Limit: 3},
		{Since: may, Until: may.AddDate(0, 1, 0)},
		{Since: may.Add(time.Millisecond), Until: may.AddDate(0, 2, 0)},
		{Since: april.AddDate(0, 0, 10), Until: april.AddDate(0, 0, 20)},
		{Since: april.AddDate(0, 0, 10), Until: may.AddDate(0, 1, 10)},
		{Since: april.AddDate(0, 0, 10)}, {Until: may.AddDate(0, 0, 3).Add(7 * time.Minute)},
		{Since: april.AddDate(-10, 0, 0), Until: april.AddDate(100, 0, 0)},
	}
	ask := func() (out []string) {
		t.Helper()
		for _, f := range filters {
			owners, err := reader.Owners(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			sources, err := reader.Sources(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			var text bytes.Buffer
			if err := errors.Join(owners.Write(&text, FormatJSON), sources.Write(&text, FormatJSON)); err != nil {
				t.Fatal(err)
			}
			out = append(out, text.String())
		}
		return out
	}
	want := ask()
	var attempts uint64
	for i := range events {
		attempts += uint64(events[i].Packets)
	}
	if whole, err := reader.Owners(t.Context(), Filter{}); err != nil || whole.Total.Attempts != attempts || whole.Total.Late == 0 {
		t.Errorf("all of it: %+v, %v, want %d attempts", whole.Total, err, attempts)
	}
	stale, err := db.Stale(t.Context())
	if err != nil || len(stale) < 4 {
		t.Fatalf("stale months: %v, %v", stale, err)
	}
	for i, m := range stale {
		if err := db.Build(t.Context(), m.Month); err != nil {
			t.Fatal(err)
		}
		if i != 0 && i != len(stale)-1 {
			continue
		}
		time.Sleep(6500 * time.Millisecond) // until they are read
		for j, got := range ask() {
			if diff := cmp.Diff(want[j], got); diff != "" {
				t.Errorf("%d of %d months built, %+v mismatch (-want +got):\n%s", i+1, len(stale), filters[j], diff)
			}
		}
	}
}
