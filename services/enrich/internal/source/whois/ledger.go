package whois

import (
	"context"
	"sync"
	"time"
)

// Usage is how much of one server's patience has been used. It is kept where
// every replica and every later run sees it, because the limits of a registry
// are those of the asking address, not of a process.
type Usage struct {
	Day   time.Time `json:"day"`   // when the current 24 hours began
	Count int       `json:"count"` // questions in them
	Next  time.Time `json:"next"`  // no question before
	Why   string    `json:"why,omitempty"`
	// Failed is how many questions in a row were in vain.
	Failed int `json:"failed,omitempty"`
	// Kept is the place of the last answer that was kept after a question here:
	// who asks next has taken that in first, since it may answer his question.
	Kept uint64 `json:"kept,omitempty"`
}

// claim takes the right to ask one question now, or says how long to wait. While
// the question runs nobody else may ask: release ends that.
func (u Usage) claim(now time.Time, cfg Config) (Usage, time.Duration) {
	if now.Sub(u.Day) >= 24*time.Hour || u.Day.After(now) {
		u.Day, u.Count = now, 0
	}
	if wait := u.Next.Sub(now); wait > 0 {
		return u, min(wait, max(cfg.Pause, cfg.Timeout)) // a clock that was wrong once does not stop us for ever
	}
	if u.Count >= cfg.PerDay {
		return u, u.Day.Add(24 * time.Hour).Sub(now)
	}
	u.Count++
	u.Next, u.Why = now.Add(cfg.Timeout+cfg.Interval), "asking"
	return u, 0
}

// release ends a question: the next may follow after wait.
func (u Usage) release(now time.Time, end ending) Usage {
	u.Next, u.Why, u.Failed, u.Kept = now.Add(end.wait), end.why, end.failed, max(u.Kept, end.kept)
	if !end.asked {
		u.Count = max(0, u.Count-1)
	}
	return u
}

// ending is how a turn ended.
type ending struct {
	asked  bool
	wait   time.Duration // before the next
	why    string
	failed int
	kept   uint64
}

// Ledger keeps the usage of servers. Update is atomic: it loads, changes and
// stores, again if somebody else stored meanwhile. Its error is not fatal: a
// client then goes by its own memory.
type Ledger interface {
	Update(ctx context.Context, server string, change func(Usage) Usage) error
}

// Memory is a Ledger for one process. The zero value is ready for use.
type Memory struct {
	mu   sync.Mutex
	used map[string]Usage
}

// Update implements Ledger.
func (m *Memory) Update(_ context.Context, server string, change func(Usage) Usage) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.used == nil {
		m.used = map[string]Usage{}
	}
	m.used[server] = change(m.used[server])
	return nil
}

// both keeps the usage in memory and in a shared ledger, and asks no sooner than
// either allows.
type both struct {
	own    Memory
	shared Ledger // may be nil
}

// claim returns how long to wait, or if that is 0, the usage that it took.
func (b *both) claim(ctx context.Context, server string, now time.Time, cfg Config) (u Usage, wait time.Duration) {
	take := func(old Usage) Usage { u, wait = old.claim(now, cfg); return u }
	_ = b.own.Update(ctx, server, take)
	if wait > 0 || b.shared == nil {
		return u, wait
	}
	own := u
	if err := b.shared.Update(ctx, server, take); err != nil {
		return own, 0 // own memory said yes
	}
	if wait > 0 { // give back what was taken
		_ = b.own.Update(ctx, server, func(old Usage) Usage { return old.release(now, ending{wait: wait}) })
	}
	return u, wait
}

func (b *both) release(ctx context.Context, server string, now time.Time, end ending) {
	change := func(u Usage) Usage { return u.release(now, end) }
	_ = b.own.Update(ctx, server, change)
	if b.shared != nil {
		_ = b.shared.Update(ctx, server, change)
	}
}
