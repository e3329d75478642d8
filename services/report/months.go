package report

import (
	"sync"
	"time"
)

// monthList keeps the months with events for a while. It is the one question of
// the page that reads all years: quick over a few million events, and then
// asked nearly every time, slow over hundreds of millions, and then not.
type monthList struct {
	mu     sync.Mutex
	months []time.Time
	until  time.Time
}

// An answer is kept twenty times as long as it took, so that asking takes at
// most a twentieth of the time, but never long enough to wonder where a new
// month is.
const (
	keepTimes = 20
	keepMost  = time.Minute
)

// get returns the list, from ask if the one it has is too old. Callers that
// come meanwhile wait for the same answer. An empty list is never kept:
// somebody is waiting for the first import.
func (l *monthList) get(ask func() ([]time.Time, error)) ([]time.Time, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	start := time.Now()
	if start.Before(l.until) {
		return l.months, nil
	}
	months, err := ask()
	if err != nil {
		return nil, err
	}
	if took := time.Since(start); len(months) > 0 {
		l.months, l.until = months, start.Add(min(keepTimes*took, keepMost))
	}
	return months, nil
}
