package bus

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// handle runs the handler on a group and settles its messages.
func (r *reader) handle(ctx context.Context, group []*Message) {
	err := r.call(ctx, group)
	switch {
	case err == nil:
		r.held.ack(group...)
	case !errors.Is(err, ErrDead):
		r.fail(group, err)
	case len(group) == 1:
		if err := r.bury(ctx, group[0], err); err != nil {
			r.fail(group, err)
			return
		}
		r.held.ack(group...)
	default:
		for i := range group {
			if ctx.Err() != nil {
				r.held.giveBack(0, group[i:]...)
				return
			}
			r.handle(ctx, group[i:i+1])
		}
	}
}

// call runs the handler and turns a panic into an error.
func (r *reader) call(ctx context.Context, group []*Message) (err error) {
	defer func() {
		if p := recover(); p != nil {
			r.bus.stats.handlerPanics.Add(1)
			r.bus.log.Error("handler panicked", "subscription", r.sub.label(), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fmt.Errorf("handler panicked: %v", p)
		}
		if err != nil {
			r.bus.stats.handlerErrors.Add(1)
		}
	}()
	return r.handler(ctx, group)
}

// fail gives a group back, for the longer the more often it failed.
func (r *reader) fail(group []*Message, err error) {
	delivered := 1
	for _, m := range group {
		delivered = max(delivered, m.Delivered)
	}
	delay := failDelay(delivered)
	if r.quiet.allow(time.Now()) {
		r.bus.log.Warn("messages could not be handled and come again", "subscription", r.sub.label(),
			"messages", len(group), "first_seq", group[0].Seq, "delivered", delivered, "delay", delay, "error", err)
	}
	r.held.giveBack(delay, group...)
}

// failDelay is how long the server keeps back a message that failed for the
// nth time.
func failDelay(n int) time.Duration {
	b := backoff{min: 250 * time.Millisecond, max: 30 * time.Second}
	for range min(n-1, 8) {
		b.wait = max(b.min, 2*b.wait)
	}
	return b.next()
}

// quiet lets one log record a second through.
type quiet struct {
	mu   sync.Mutex
	last time.Time
}

func (q *quiet) allow(now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if now.Sub(q.last) < time.Second {
		return false
	}
	q.last = now
	return true
}
