package clickhouse_test

import (
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
)

// A revision gives the events of one attribution another one, once, and says so in
// table revisions; what another rule decided later in the month stays.
func TestRevise(t *testing.T) {
	db := migrated(t)
	april := time.Date(2012, 4, 1, 0, 0, 0, 0, time.UTC)
	turn := april.AddDate(0, 0, 10)
	insert(t, db, event(1, "192.0.2.1", "192.0.2.0/24", "Old", scan.BasisOverride, april, april),
		event(2, "192.0.2.2", "192.0.2.0/24", "Old", scan.BasisOverride, april, april),
		event(3, "192.0.2.1", "192.0.2.0/24", "Old", scan.BasisOverride, turn, turn),
		event(4, "198.51.100.1", "198.51.100.0/24", "Other", scan.BasisASN, april, april),
	)
	bounds := []int64{turn.Unix()} // from then on another rule holds
	revise := func() uint64 {
		t.Helper()
		var list []clickhouse.Revision
		err := db.Held(t.Context(), april, bounds, func(h clickhouse.Held) error {
			if h.Facts.Owner == "Old" && h.Epoch == 0 {
				r := clickhouse.Revision{Held: h, Facts: h.Facts}
				r.Facts.Owner, r.Facts.OwnerWhy = "New", "a rule"
				list = append(list, r)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		n, err := db.Revise(t.Context(), april, bounds, list)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := revise(); n != 2 {
		t.Errorf("%d events revised, want the 2 before the turn", n)
	}
	if got, want := owners(t, db), `(8,['1 New','2 New','3 Old','4 Other'])`; got != want {
		t.Errorf("owners %s, want %s", got, want)
	}
	if n := revise(); n != 0 {
		t.Errorf("%d events revised the second time", n)
	}
	if got, want := text(t, db, "SELECT toString(groupArray((month, before, after, why, events, attempts))) FROM revisions"), "[('2012-04-01','Old','New','a rule',2,4)]"; got != want {
		t.Errorf("revisions %s, want %s", got, want)
	}
}
