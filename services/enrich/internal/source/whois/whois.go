// Package whois asks the registries who registered an address, and is careful
// about it: only servers that are known or configured, one question at a time,
// slowly, bounded in time and size, and with nothing in the question but the
// address. What a reply means is read by package reply; which answers are kept,
// and for how long, is left to the service.
//
// Protocol: RFC 3912.
package whois

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois/reply"
)

// Client asks registries. It is safe for concurrent use; questions to one server
// wait for each other.
type Client struct {
	cfg    Config
	ledger both
	gates  map[reply.Registry]*gate
	count  func(registry, outcome string)
}

// gate lets one question at a time through to a server.
type gate struct {
	mu      sync.Mutex
	limiter *rate.Limiter
	failing int          // failures in a row
	paused  atomic.Int64 // Unix seconds until which the server is left alone
}

// NewClient returns a client. The ledger is shared with other processes and may
// be nil. count, if not nil, is told the outcome of every question: answer, none,
// elsewhere, blocked, unusable, too_large, failed.
func NewClient(cfg Config, ledger Ledger, count func(registry, outcome string)) *Client {
	c := &Client{cfg: cfg.withDefaults(), gates: map[reply.Registry]*gate{}, count: count}
	c.ledger.shared = ledger
	if c.count == nil {
		c.count = func(string, string) {}
	}
	for r := range servers {
		c.gates[r] = &gate{limiter: rate.NewLimiter(rate.Every(c.cfg.Interval), 1)}
	}
	return c
}

// Asks says whether the registry is asked at all.
func (c *Client) Asks(r reply.Registry) bool {
	_, ok := c.cfg.endpoint(r)
	return ok
}

// PausedUntil tells until when a server is left alone; the zero time is not.
func (c *Client) PausedUntil(r reply.Registry) time.Time {
	if g := c.gates[r]; g != nil {
		if s := g.paused.Load(); s > time.Now().Unix() {
			return time.Unix(s, 0)
		}
	}
	return time.Time{}
}

// Ask asks the registry about addr. It blocks until the server may be asked,
// which may be a day, and has answered; until ctx ends.
//
// A reply of kind Blocked has already put the server on pause. After an error
// the server is left alone for a while, longer each time, except after
// ErrTooLarge, which is about this question only.
func (c *Client) Ask(ctx context.Context, r reply.Registry, addr netip.Addr) (reply.Reply, error) {
	ep, ok := c.cfg.endpoint(r)
	if !ok {
		return reply.Reply{}, fmt.Errorf("%s: %w", r, ErrNoServer)
	}
	g := c.gates[r]
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := c.wait(ctx, r, g); err != nil {
		return reply.Reply{}, err
	}
	text, err := ask(ctx, ep, servers[r].prefix, addr, c.cfg.Timeout)
	if ctx.Err() != nil {
		// Interrupted: the question was asked all the same.
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		c.ledger.release(late, string(r), time.Now(), c.cfg.Interval, "interrupted")
		return reply.Reply{}, ctx.Err()
	}
	if err == nil && text == "" {
		err = ErrEmpty // a limit, or a server that is going down: no answer at all
	}
	var rep reply.Reply
	var outcome, why string
	wait := c.cfg.Interval
	switch {
	case errors.Is(err, ErrTooLarge):
		outcome = "too_large"
	case err != nil:
		g.failing++
		outcome, wait, why = "failed", c.retry(g.failing), "not reached"
		err = fmt.Errorf("ask %s: %w", r, err)
	default:
		g.failing = 0
		rep = reply.Parse(addr, text)
		outcome = rep.Kind.String()
		if rep.Kind == reply.Blocked {
			wait, why = c.cfg.Pause, "refused to answer"
		}
	}
	c.count(string(r), outcome)
	if why != "" {
		g.paused.Store(time.Now().Add(wait).Unix())
	}
	c.ledger.release(ctx, string(r), time.Now(), wait, why)
	return rep, err
}

// wait blocks until the limits allow a question.
func (c *Client) wait(ctx context.Context, r reply.Registry, g *gate) error {
	for {
		if err := g.limiter.Wait(ctx); err != nil {
			return err
		}
		wait := c.ledger.claim(ctx, string(r), time.Now(), c.cfg)
		if wait <= 0 {
			return nil
		}
		if wait > c.cfg.Timeout+c.cfg.Interval { // more than another's question takes
			g.paused.Store(time.Now().Add(wait).Unix())
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// retry is how long a server that did not answer is left alone: 15 intervals,
// which is half a minute, and twice as long each time it fails again, up to an
// hour.
func (c *Client) retry(failing int) time.Duration {
	return min(15*c.cfg.Interval<<min(failing-1, 8), time.Hour)
}
