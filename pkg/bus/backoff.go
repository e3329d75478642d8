package bus

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff waits between attempts, each time about twice as long, from min up
// to max. The zero value of wait starts over at min.
type backoff struct {
	min, max time.Duration
	wait     time.Duration
}

// next is how long to wait now: between half and the whole of the step, so
// that many clients do not come back at once.
func (b *backoff) next() time.Duration {
	b.wait = min(max(b.min, 2*b.wait), b.max)
	return b.wait/2 + rand.N(b.wait/2+1)
}

func (b *backoff) reset() { b.wait = 0 }

// sleep waits and returns true, or false as soon as ctx ends.
func (b *backoff) sleep(ctx context.Context) bool { return b.sleepOr(ctx, nil) }

// sleepOr is sleep which returns early when wake is closed.
func (b *backoff) sleepOr(ctx context.Context, wake <-chan struct{}) bool {
	if ctx.Err() != nil {
		return false
	}
	timer := time.NewTimer(b.next())
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-wake:
	case <-timer.C:
	}
	return true
}

// reconnectDelay is how long nats.go waits after it tried every server once.
func reconnectDelay(attempts int) time.Duration {
	b := backoff{min: 50 * time.Millisecond, max: time.Second}
	for range min(attempts, 7) {
		b.wait = min(max(b.min, 2*b.wait), b.max)
	}
	return b.next()
}
