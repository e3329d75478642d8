package bus

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Subscribe hands every message of sub to handler until ctx ends, and then
// returns nil after the handlers that run have finished and what they handled
// is acknowledged.
//
// A handler that returns nil takes the message off. After an error the message
// is handed out again, to this or another reader, after a delay that grows from
// a quarter of a second to half a minute. An error for which
// errors.Is(err, ErrDead) holds moves the message to stream DEAD instead. A
// panic counts as an error. With InFlight above 1 handlers run concurrently
// and messages may be handled out of order; the same holds for any message
// that is handed out again.
//
// The context of a handler outlives ctx by at most Drain.
//
// Subscribe returns an error only for what no waiting mends, like a filter
// that does not belong to the stream, or ErrClosed. While the server is away
// it waits, for any time.
func (b *Bus) Subscribe(ctx context.Context, sub Subscription, handler func(context.Context, *Message) error) error {
	sub = sub.withDefaults()
	sub.MaxMsgs = 1
	return b.subscribe(ctx, sub, func(ctx context.Context, group []*Message) error {
		return handler(ctx, group[0])
	})
}

// SubscribeBatch is Subscribe for groups of messages, see MaxMsgs, MaxBytes and
// MaxAge of Subscription: nil takes all of them off, and an error gives all of
// them back. While all handlers are busy the next group goes on growing.
//
// Where the error is ErrDead and the group has several messages, each is
// handled again alone, so that only those go to stream DEAD which are dead by
// themselves. Messages that keep failing are now and then handed out alone, so
// that one of them cannot hold others back for ever.
func (b *Bus) SubscribeBatch(ctx context.Context, sub Subscription, handler func(context.Context, []*Message) error) error {
	return b.subscribe(ctx, sub.withDefaults(), handler)
}

// reader is one running subscription. Three goroutines share it: pull fetches
// messages, held.beat keeps them ours, and the caller's own forms groups and
// starts handlers.
type reader struct {
	bus     *Bus
	sub     Subscription
	handler func(context.Context, []*Message) error
	held    *held
	queue   chan *Message // pulled, not yet in a group
	busy    chan struct{} // one for every handler that runs
	quiet   quiet
}

func (b *Bus) subscribe(ctx context.Context, sub Subscription, handler func(context.Context, []*Message) error) error {
	if err := sub.validate(); err != nil {
		return err
	}
	r := &reader{
		bus:     b,
		sub:     sub,
		handler: handler,
		held:    newHeld(b, sub),
		busy:    make(chan struct{}, sub.InFlight),
	}
	// A place for every message that may be held, so that pull never waits
	// with messages in its hands.
	r.queue = make(chan *Message, r.held.maxMsgs)

	work, stopWork := outlive(ctx, sub.Drain)
	defer stopWork()
	pulling, stopPull := context.WithCancel(ctx)
	defer stopPull()
	beating, stopBeat := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBeat()

	var wg sync.WaitGroup
	var pullErr error
	wg.Go(func() {
		defer close(r.queue)
		pullErr = r.pull(pulling)
	})
	wg.Go(func() { r.held.beat(beating) })

	r.group(ctx, work)
	for range cap(r.busy) { // until the last handler is done
		r.busy <- struct{}{}
	}
	stopPull()
	for m := range r.queue {
		r.held.giveBack(0, m)
	}
	stopBeat()
	wg.Wait()
	r.held.settle()
	if pullErr != nil {
		return fmt.Errorf("subscribe to %s: %w", sub.label(), pullErr)
	}
	return nil
}

// outlive is a context that ends d after ctx does.
func outlive(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	release := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel(context.Cause(ctx))
		case <-longer.Done():
		}
	})
	return longer, func() {
		release()
		cancel(context.Canceled)
	}
}

// group forms groups of what is pulled and starts handlers, until ctx ends or
// nothing more is pulled. What is in no handler then goes back.
func (r *reader) group(ctx, work context.Context) {
	var (
		g        group
		next     *Message // did not fit into g
		deadline = time.NewTimer(time.Hour)
		oldest   time.Time // when the first message came into g
	)
	defer deadline.Stop()
	defer func() {
		r.held.giveBack(0, g.msgs...)
		if next != nil {
			r.held.giveBack(0, next)
		}
	}()
	add := func(m *Message) {
		if len(g.msgs) == 0 {
			oldest = time.Now()
		}
		deadline.Reset(min(r.sub.Idle, r.sub.MaxAge-time.Since(oldest)))
		g.add(m, r.sub)
	}
	for {
		in, slot := r.queue, chan<- struct{}(nil)
		if g.due {
			slot = r.busy
		}
		if g.full {
			in = nil
		}
		select {
		case <-ctx.Done():
			return
		case <-deadline.C:
			g.due = len(g.msgs) > 0
		case m, ok := <-in:
			if !ok {
				return
			}
			if g.fits(m, r.sub) {
				add(m)
			} else {
				next, g.due, g.full = m, true, true
			}
		case slot <- struct{}{}:
			msgs := g.msgs
			go func() {
				defer func() { <-r.busy }()
				r.handle(work, msgs)
			}()
			g = group{}
			if next != nil {
				add(next)
				next = nil
			}
		}
	}
}

// group is messages that will be handled together.
type group struct {
	msgs []*Message
	size int
	due  bool // to be handled as soon as a handler is free
	full bool // takes no more
}

// lonely says which deliveries of a message happen without company: every
// fourth. A message that makes its group fail each time thereby fails alone
// now and then, and the others get through.
const lonely = 4

func (g *group) fits(m *Message, sub Subscription) bool {
	return len(g.msgs) == 0 || m.Delivered%lonely != 0 && g.size+len(m.Data) <= sub.MaxBytes
}

func (g *group) add(m *Message, sub Subscription) {
	g.msgs = append(g.msgs, m)
	g.size += len(m.Data)
	if len(g.msgs) >= sub.MaxMsgs || g.size >= sub.MaxBytes || m.Delivered%lonely == 0 {
		g.due, g.full = true, true
	}
}
