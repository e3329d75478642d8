package enrich

import (
	"context"
	"sync"
)

// fence tells when all that had begun before something has ended. The zero value
// is ready for use.
type fence struct {
	mu     sync.Mutex
	inside map[chan struct{}]struct{}
}

// enter begins a piece of work; what it returns ends it.
func (f *fence) enter() (leave func()) {
	done := make(chan struct{})
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.inside == nil {
		f.inside = map[chan struct{}]struct{}{}
	}
	f.inside[done] = struct{}{}
	return func() {
		f.mu.Lock()
		delete(f.inside, done)
		f.mu.Unlock()
		close(done)
	}
}

// wait blocks until all work that has begun before now has ended, or ctx ends.
// Work that begins meanwhile is not waited for, and does not wait.
func (f *fence) wait(ctx context.Context) error {
	f.mu.Lock()
	work := make([]chan struct{}, 0, len(f.inside))
	for done := range f.inside {
		work = append(work, done)
	}
	f.mu.Unlock()
	for _, done := range work {
		select {
		case <-done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
