package report

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestSourcesNow(t *testing.T) {
	one, two, three := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.3")
	row := func(a netip.Addr, owner string, attempts uint64, first, last time.Time) SourceRow {
		return SourceRow{Address: a.String(), Addr: a, Owner: owner, Attempts: attempts, FirstSeen: first, LastSeen: last, OwnerAsOf: last, Late: 1}
	}
	then := Sources{
		Rows: []SourceRow{
			row(two, "Old", 5, firstSeen, firstSeen.AddDate(0, 0, 1)), row(one, "Older", 4, firstSeen, lastSeen), row(three, "", 3, firstSeen, lastSeen),
			row(one, "Old", 2, firstSeen.AddDate(-1, 0, 0), firstSeen),
		},
		Total: Total{Attempts: 14, Sources: 3}, matching: 4,
	}
	asked := map[string]int{}
	holder := func(a netip.Addr) Holder {
		asked[a.String()]++
		if a == three {
			return Holder{}
		}
		return Holder{Owner: "New", Country: "NL", AsOf: asOf}
	}
	f := func(owner string, limit int, want string, total Total, limited bool) {
		t.Helper()
		clear(asked)
		got, err := then.Now(holder, owner, limit)
		if err != nil {
			t.Fatal(err)
		}
		var rows []string
		for _, r := range got.Rows {
			rows = append(rows, strings.Join([]string{r.Address, r.Country, r.Owner, count(r.Attempts), r.FirstSeen.Format(time.DateOnly), r.LastSeen.Format(time.DateOnly)}, " "))
			if r.Late != 0 {
				t.Errorf("%s is marked as learnt late, though it is as of now", r.Address)
			}
		}
		if diff := cmp.Diff(want, strings.Join(rows, "; ")); diff != "" {
			t.Errorf("owner %q mismatch (-want +got)\n%s", owner, diff)
		}
		if diff := cmp.Diff(total, got.Total, cmpopts.EquateEmpty()); diff != "" || got.Limited() != limited {
			t.Errorf("owner %q, total mismatch, limited %t (-want +got)\n%s", owner, got.Limited(), diff)
		}
		for a, n := range asked {
			if n != 1 {
				t.Errorf("%s was looked up %d times", a, n)
			}
		}
	}
	begin := firstSeen.AddDate(-1, 0, 0)
	f("", 0, "192.0.2.1 NL New 6 2011-04-10 2012-04-12; 192.0.2.2 NL New 5 2012-04-10 2012-04-11; 192.0.2.3   3 2012-04-10 2012-04-12",
		Total{Attempts: 14, Sources: 3, FirstSeen: begin, LastSeen: lastSeen}, false)
	f("nEw", 1, "192.0.2.1 NL New 6 2011-04-10 2012-04-12", Total{Attempts: 11, Sources: 2, FirstSeen: begin, LastSeen: lastSeen}, true)
	f(NoOwner, 0, "192.0.2.3   3 2012-04-10 2012-04-12", Total{Attempts: 3, Sources: 1, FirstSeen: firstSeen, LastSeen: lastSeen}, false)
	f("Old", 0, "", Total{}, false)

	now, err := then.Now(holder, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := now.Write(&out, FormatTable); err != nil || !strings.Contains(out.String(), "Owners are those of today") {
		t.Errorf("the table does not say as of when it is: %v\n%s", err, &out)
	}
	then.matching = 5
	if _, err := then.Now(holder, "", 0); err == nil {
		t.Error("a table that does not hold all is taken for whole")
	}
	if _, err := ParseAsOf("later"); err == nil {
		t.Error("as-of later is understood")
	}
}
