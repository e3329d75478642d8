package bus

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// BatcherConfig says when a batch is closed and sent. Zero fields take the
// default.
type BatcherConfig struct {
	MaxEvents int           // most lines of a batch; default 1000
	MaxBytes  int           // most bytes of a batch, a longer line goes alone; default 512 KiB
	Linger    time.Duration // longest time a line waits for company; default 50 ms
	InFlight  int           // most batches sent and not yet on disk; default 8

	// Ahead is how many bytes StreamObserved may hold before batches wait for its
	// readers, as long as these take any off; 0, the default, never waits. A reader
	// that is only a little behind finds everything in the server's memory, one
	// that is far behind costs the server each block of its file again.
	Ahead int64
}

func (c BatcherConfig) withDefaults() BatcherConfig {
	if c.MaxEvents <= 0 {
		c.MaxEvents = 1000
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = 512 << 10
	}
	if c.Linger <= 0 {
		c.Linger = 50 * time.Millisecond
	}
	if c.InFlight <= 0 {
		c.InFlight = 8
	}
	return c
}

// Batcher gathers lines into batches by subject and publishes them. It is safe
// for concurrent use.
//
// Batches of one subject are sent in the order they were opened. They may be
// stored in another order when one of them has to be sent again.
//
// A Batcher holds at most InFlight batches that wait for the server and
// 4*InFlight that still gather, so about 5*InFlight*MaxBytes in memory.
type Batcher struct {
	bus *Bus
	cfg BatcherConfig

	ctx    context.Context // ends at Close
	cancel context.CancelCauseFunc
	wake   chan struct{} // there is something new to send or a first batch to time
	slots  chan struct{} // one for every batch sent and not finished
	loop   chan struct{} // closed when run has returned
	once   sync.Once     // of Close

	mu     sync.Mutex
	closed bool
	open   map[string]*Batch // by subject
	queue  []*Batch          // full, waiting for a slot, oldest first
	unsent chan struct{}     // closed when queue is empty again; nil while it is
	live   map[*Batch]struct{}
	failed error    // first error since the last Flush
	spare  [][]byte // buffers of finished batches
}

// NewBatcher starts a Batcher. The caller must Close it.
func (b *Bus) NewBatcher(cfg BatcherConfig) *Batcher {
	t := &Batcher{
		bus:  b,
		cfg:  cfg.withDefaults(),
		wake: make(chan struct{}, 1),
		loop: make(chan struct{}),
		open: make(map[string]*Batch),
		live: make(map[*Batch]struct{}),
	}
	t.slots = make(chan struct{}, t.cfg.InFlight)
	t.ctx, t.cancel = context.WithCancelCause(context.Background())
	go t.run()
	return t
}

// Add copies line, which must hold no newline, into the open batch of subject
// and returns that batch. It blocks while InFlight batches wait for the server
// and another is full, until ctx ends. It returns ErrTooLarge for a line that
// the server would not take and ErrClosed after Close; the line is then in no
// batch.
func (t *Batcher) Add(ctx context.Context, subject string, line []byte) (*Batch, error) {
	size := len(line) + 1
	if err := t.bus.fits(size); err != nil {
		return nil, fmt.Errorf("add a line for %q: %w", subject, err)
	}
	limit := t.cfg.MaxBytes
	if most := t.bus.maxData(); most > 0 {
		limit = min(limit, most)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.room(ctx); err != nil {
		return nil, fmt.Errorf("add a line for %q: %w", subject, err)
	}
	b := t.open[subject]
	if b != nil && len(b.buf)+size > limit {
		t.shut(b)
		b = nil
	}
	if b == nil {
		b = t.start(subject)
	}
	b.add(line)
	if b.events >= t.cfg.MaxEvents || len(b.buf) >= limit {
		t.shut(b)
	}
	return b, nil
}

// room waits until no full batch waits for a slot. t.mu is held, and given up
// while it waits.
func (t *Batcher) room(ctx context.Context) error {
	for {
		if t.closed {
			return ErrClosed
		}
		if len(t.queue) == 0 {
			return nil
		}
		unsent := t.unsent
		t.mu.Unlock()
		var err error
		select {
		case <-unsent:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		t.mu.Lock()
		if err != nil {
			return err
		}
	}
}

// start opens a batch. Where too many gather, the oldest goes as it is.
func (t *Batcher) start(subject string) *Batch {
	if len(t.open) >= 4*t.cfg.InFlight {
		var oldest *Batch
		for _, b := range t.open {
			if oldest == nil || b.opened.Before(oldest.opened) {
				oldest = b
			}
		}
		t.shut(oldest)
	}
	b := &Batch{subject: subject, opened: time.Now(), done: make(chan struct{})}
	if n := len(t.spare); n > 0 {
		b.buf, t.spare = t.spare[n-1], t.spare[:n-1]
	}
	t.open[subject] = b
	t.live[b] = struct{}{}
	if len(t.open) == 1 {
		t.signal() // run has to look at the clock
	}
	return b
}

// shut takes an open batch out of reach of Add and queues it. t.mu is held.
func (t *Batcher) shut(b *Batch) {
	delete(t.open, b.subject)
	t.queue = append(t.queue, b)
	if t.unsent == nil {
		t.unsent = make(chan struct{})
	}
	t.signal()
}

func (t *Batcher) signal() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// run sends what is queued and shuts what has lingered, until Close.
func (t *Batcher) run() {
	defer close(t.loop)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var sent int64
	for {
		select {
		case t.slots <- struct{}{}:
		case <-t.ctx.Done():
			return
		}
		for {
			b, wait := t.next(time.Now())
			if b != nil {
				if sent += int64(len(b.buf)); t.cfg.Ahead > 0 && sent >= t.cfg.Ahead/4 {
					sent = 0
					t.bus.giveWay(t.ctx, t.cfg.Ahead)
				}
				// From here the batch owns the slot.
				msg := newMsg(b.subject, b.buf)
				s := t.bus.send(msg)
				go func() {
					seq, err := t.bus.finish(t.ctx, msg, s)
					t.settle(b, seq, err)
					<-t.slots
				}()
				break
			}
			timer.Reset(wait)
			select {
			case <-t.wake:
			case <-timer.C:
			case <-t.ctx.Done():
				<-t.slots
				return
			}
		}
	}
}

// next takes the oldest queued batch, after queueing those that have lingered.
// Where there is none it says how long until one has.
func (t *Batcher) next(now time.Time) (*Batch, time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	wait := time.Hour
	for _, b := range t.open {
		left := t.cfg.Linger - now.Sub(b.opened)
		if left <= 0 {
			t.shut(b)
			continue
		}
		wait = min(wait, left)
	}
	if len(t.queue) == 0 {
		return nil, wait
	}
	b := t.queue[0]
	t.queue = t.queue[1:]
	if len(t.queue) == 0 {
		t.queue = nil
		close(t.unsent)
		t.unsent = nil
	}
	return b, 0
}

// settle tells whoever waits how a batch ended.
func (t *Batcher) settle(b *Batch, seq uint64, err error) {
	if err != nil {
		err = fmt.Errorf("publish a batch of %d lines to %q: %w", b.events, b.subject, err)
	}
	t.mu.Lock()
	delete(t.live, b)
	if err != nil && t.failed == nil {
		t.failed = err
	}
	// Larger ones held a line that was too long.
	if len(t.spare) <= t.cfg.InFlight && cap(b.buf) <= 2*t.cfg.MaxBytes {
		t.spare = append(t.spare, b.buf[:0])
	}
	t.mu.Unlock()
	b.finish(seq, err)
}

// Flush sends every batch without lingering and waits until all lines that were
// added before are on disk, or ctx ends. It returns the first error of any
// batch since the last Flush.
func (t *Batcher) Flush(ctx context.Context) error {
	t.mu.Lock()
	for _, b := range t.open {
		t.shut(b)
	}
	waiting := make([]*Batch, 0, len(t.live))
	for b := range t.live {
		waiting = append(waiting, b)
	}
	t.mu.Unlock()
	for _, b := range waiting {
		select {
		case <-b.done:
		case <-ctx.Done():
			return fmt.Errorf("flush %d batches: %w", len(waiting), context.Cause(ctx))
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	err := t.failed
	t.failed = nil
	return err
}

// Close gives up what is not on disk yet: those batches end with ErrClosed,
// although the server may have stored some of them. Flush before Close to lose
// nothing. When it returns no goroutine of the Batcher runs.
func (t *Batcher) Close() { t.once.Do(t.close) }

func (t *Batcher) close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.cancel(ErrClosed)
	<-t.loop
	for range cap(t.slots) { // those in flight give theirs back as they end
		t.slots <- struct{}{}
	}
	for range cap(t.slots) {
		<-t.slots
	}
	t.mu.Lock()
	left := make([]*Batch, 0, len(t.live))
	for b := range t.live {
		left = append(left, b)
	}
	t.open, t.queue = nil, nil
	if t.unsent != nil {
		close(t.unsent)
		t.unsent = nil
	}
	t.mu.Unlock()
	for _, b := range left {
		t.settle(b, 0, ErrClosed)
	}
}
