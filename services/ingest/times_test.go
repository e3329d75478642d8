package ingest

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

// Several imports at the same time that find the same events, each with another
// date, agree on the time of each.
func TestTimesAgree(t *testing.T) {
	w := newWorld(t)
	const writers, events = 4, 300
	got := make([]map[scan.ID]time.Time, writers)
	var group sync.WaitGroup
	for n := range writers {
		group.Go(func() {
			reg, err := w.openTimes(t.Context(), "home")
			if err != nil {
				t.Error(err)
				return
			}
			got[n] = make(map[scan.ID]time.Time)
			r := rand.New(rand.NewPCG(uint64(n), 1))
			for range 50 {
				batch := make([]scan.Event, 1+r.IntN(40))
				for i := range batch {
					batch[i] = scan.Event{ID: scan.ID(1 + r.IntN(events)), Time: time.Unix(int64(1_000_000+n), 0)}
				}
				if err := reg.settle(t.Context(), batch); err != nil {
					t.Error(err)
					return
				}
				for _, ev := range batch {
					if old, ok := got[n][ev.ID]; ok && !old.Equal(ev.Time) {
						t.Errorf("event %s is of %v, then of %v", ev.ID, old, ev.Time)
					}
					got[n][ev.ID] = ev.Time
				}
			}
		})
	}
	group.Wait()
	for n := 1; n < writers; n++ {
		for id, at := range got[n] {
			if other, ok := got[0][id]; ok && !other.Equal(at) {
				t.Errorf("event %s is of %v for one and of %v for another", id, other, at)
			}
		}
	}
	// Another sensor's events are its own.
	reg, err := w.openTimes(t.Context(), "office")
	if err != nil {
		t.Fatal(err)
	}
	batch := []scan.Event{{ID: 1, Time: time.Unix(5, 0)}}
	if err := reg.settle(t.Context(), batch); err != nil || !batch[0].Time.Equal(time.Unix(5, 0)) {
		t.Errorf("settle() for another sensor = %v, %v", batch[0].Time, err)
	}
}
