package stream

import "github.com/whoknocks/whoknocks/services/ingest/internal/clock"

// Repairs counts the events whose time was repaired, and how; one event may
// count several times.
type Repairs struct {
	YearInferred, ZoneAssumed, HourTwice, HourNever, Relayed, Unset, Timeless int64
}

// Add adds r to the counts.
func (t *Repairs) Add(r Repairs) {
	t.YearInferred += r.YearInferred
	t.ZoneAssumed += r.ZoneAssumed
	t.HourTwice += r.HourTwice
	t.HourNever += r.HourNever
	t.Relayed += r.Relayed
	t.Unset += r.Unset
	t.Timeless += r.Timeless
}

func (t *Repairs) count(how clock.Repair) {
	if how == 0 {
		return
	}
	bit := func(r clock.Repair) int64 {
		if how&r != 0 {
			return 1
		}
		return 0
	}
	t.Add(Repairs{
		bit(clock.YearInferred), bit(clock.ZoneAssumed), bit(clock.HourTwice), bit(clock.HourNever),
		bit(clock.Relayed), bit(clock.Unset), bit(clock.Timeless),
	})
}
