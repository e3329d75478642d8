package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// DefaultDrain is how long a component may take to stop.
const DefaultDrain = 20 * time.Second

// ErrDrain is returned, wrapped with the component's name, when a component did
// not return in its drain time. Its goroutine is then left behind: the program
// should exit.
var ErrDrain = errors.New("did not stop in time")

// Component is one part of a program.
type Component struct {
	// Name stands in logs and errors.
	Name string
	// Run does the work and blocks until ctx ends. It then finishes what it has
	// begun and returns; the context's own error counts as nil. An error
	// before that stops the whole group; nil says that the work is done.
	Run func(ctx context.Context) error
	// Ready is closed by the component when it can serve those that start
	// after it. Nil means at once.
	Ready <-chan struct{}
	// Drain is how long Run may go on after its context ended; 0 is DefaultDrain.
	Drain time.Duration
}

// Group starts components one after the other and stops them in reverse order,
// each only when the one started after it has stopped. Make one with NewGroup;
// Start, Wait and Stop are called by one goroutine.
type Group struct {
	ctx     context.Context
	log     *slog.Logger
	started []*running

	once   sync.Once
	failed chan struct{} // closed at the first failure
	cause  error         // valid once failed is closed
}

type running struct {
	Component
	cancel context.CancelFunc
	done   chan struct{} // closed when Run has returned
	err    error         // valid once done is closed
}

// NewGroup returns an empty group that lives until ctx ends. A nil log is silent.
func NewGroup(ctx context.Context, log *slog.Logger) *Group {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Group{ctx: ctx, log: log, failed: make(chan struct{})}
}

// Start runs c in a goroutine of its own and blocks until it is ready. It
// returns an error if c, or any component before it, fails while waiting, and
// the context's error if the group's context ends. The caller then calls Stop.
func (g *Group) Start(c Component) error {
	if err := g.ctx.Err(); err != nil {
		return err
	}
	// The end of the group's context must not reach all at once: Stop ends
	// them one by one.
	ctx, cancel := context.WithCancel(context.WithoutCancel(g.ctx))
	r := &running{Component: c, cancel: cancel, done: make(chan struct{})}
	g.started = append(g.started, r)
	g.log.Debug("component starts", "component", c.Name)
	go func() {
		defer close(r.done)
		err := c.Run(ctx)
		if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			err = nil
		}
		if err != nil {
			r.err = fmt.Errorf("%s: %w", c.Name, err)
			g.fail(r.err)
		}
	}()
	if c.Ready == nil {
		return nil
	}
	select {
	case <-c.Ready:
		g.log.Debug("component is ready", "component", c.Name)
		return nil
	case <-r.done:
		if r.err != nil {
			return r.err
		}
		return fmt.Errorf("%s: ended before it was ready", c.Name)
	case <-g.failed:
		return g.cause
	case <-g.ctx.Done():
		return g.ctx.Err()
	}
}

func (g *Group) fail(err error) {
	g.once.Do(func() {
		g.cause = err
		close(g.failed)
	})
}

// Failed is closed at the first failure of a component, which Wait and Stop
// return.
func (g *Group) Failed() <-chan struct{} { return g.failed }

// Wait blocks until the group's context ends, a component fails or every
// component is done; then it stops them. It returns the first failure joined
// with what went wrong in stopping, and nil after an ordinary end.
func (g *Group) Wait() error {
	all := make(chan struct{})
	quit := make(chan struct{})
	defer close(quit)
	started := g.started // Stop shortens the group's own
	go func() {
		for _, r := range started {
			select {
			case <-r.done:
			case <-quit:
				return
			}
		}
		close(all)
	}()
	select {
	case <-g.ctx.Done():
	case <-g.failed:
	case <-all:
	}
	return g.Stop()
}

// Stop ends the components in reverse order and blocks until each has returned
// or its drain time is over. It returns what Wait returns, and may be called
// after it.
func (g *Group) Stop() error {
	var late []error
	for len(g.started) > 0 {
		last := len(g.started) - 1
		r := g.started[last]
		g.started = g.started[:last]
		if err := r.stop(); err != nil {
			late = append(late, err)
			g.log.Error("component did not stop in time", "component", r.Name)
			continue
		}
		g.log.Debug("component stopped", "component", r.Name)
	}
	select {
	case <-g.failed:
		return errors.Join(append([]error{g.cause}, late...)...)
	default:
		return errors.Join(late...)
	}
}

func (r *running) stop() error {
	r.cancel()
	drain := r.Drain
	if drain == 0 {
		drain = DefaultDrain
	}
	timer := time.NewTimer(drain)
	defer timer.Stop()
	select {
	case <-r.done:
		return nil
	case <-timer.C:
		return fmt.Errorf("%s: %w (%v)", r.Name, ErrDrain, drain)
	}
}

// All starts the components in order, waits and stops them: the whole of a
// program whose components are known beforehand.
func All(ctx context.Context, log *slog.Logger, components ...Component) error {
	g := NewGroup(ctx, log)
	for _, c := range components {
		if err := g.Start(c); err != nil {
			stopped := g.Stop() // holds err if a component has failed
			if stopped != nil || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
				return stopped
			}
			return err
		}
	}
	return g.Wait()
}
