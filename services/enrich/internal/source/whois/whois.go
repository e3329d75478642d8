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
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois/reply"
)

// An Asker carries one question to a registry, or for reply.RWHOIS to the server
// of a carrier. It waits for nobody and keeps no limits. Besides the reply it
// returns how long the server wants to be left alone, 0 if it does not say.
type Asker interface {
	Asks(reply.Registry) bool
	Ask(ctx context.Context, r reply.Registry, server string, addr netip.Addr) (reply.Reply, time.Duration, error)
}

// Client asks registries, within limits. It is safe for concurrent use; questions
// to one server wait for each other.
type Client struct {
	cfg    Config
	asker  Asker
	suffix string // of the names of servers in the ledger and in counts
	ledger both
	count  func(server, outcome string)

	mu    sync.Mutex
	gates map[string]*gate // by server
}

// gate lets one question at a time through to a server.
type gate struct {
	turn    chan struct{} // holds a token while nobody has the turn
	limiter *rate.Limiter
	paused  atomic.Int64 // Unix seconds until which the server is left alone
	used    atomic.Pointer[Usage]
}

// maxGates bounds what is remembered of servers: of carriers there are many.
const maxGates = 4096

// NewClient returns a client that asks by WHOIS. The ledger is shared with other
// processes and may be nil. count, if not nil, is told the outcome of every
// question: answer, none, elsewhere, blocked, unusable, too_large, failed.
func NewClient(cfg Config, ledger Ledger, count func(server, outcome string)) *Client {
	cfg = cfg.withDefaults()
	return newClient(cfg, transport{cfg}, "", ledger, count)
}

// NewOtherClient returns a client that asks by other means. The limits are the
// same; suffix tells its servers from those of WHOIS.
func NewOtherClient(cfg Config, asker Asker, suffix string, ledger Ledger, count func(server, outcome string)) *Client {
	return newClient(cfg.withDefaults(), asker, suffix, ledger, count)
}

func newClient(cfg Config, asker Asker, suffix string, ledger Ledger, count func(server, outcome string)) *Client {
	c := &Client{cfg: cfg, asker: asker, suffix: suffix, gates: map[string]*gate{}, count: count}
	c.ledger.shared = ledger
	if c.count == nil {
		c.count = func(string, string) {}
	}
	return c
}

// Asks says whether the registry is asked at all.
func (c *Client) Asks(r reply.Registry) bool { return c.asker.Asks(r) }

// Name is what the server of a registry is called in the ledger and in counts.
func (c *Client) Name(r reply.Registry) string { return string(r) + c.suffix }

// PausedUntil tells until when a registry is left alone; the zero time is not.
func (c *Client) PausedUntil(r reply.Registry) time.Time {
	if s := c.gate(c.Name(r)).paused.Load(); s > time.Now().Unix() {
		return time.Unix(s, 0)
	}
	return time.Time{}
}

// Asked is how many questions a registry has been asked in the current 24 hours, by
// all who share the ledger, as of the last question from here.
func (c *Client) Asked(r reply.Registry) int {
	u := c.gate(c.Name(r)).used.Load()
	if u == nil || time.Since(u.Day) >= 24*time.Hour {
		return 0
	}
	return u.Count
}

func (c *Client) gate(server string) *gate {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.gates[server]
	if g == nil {
		if len(c.gates) >= maxGates {
			clear(c.gates) // their pauses are in the ledger
		}
		g = &gate{turn: make(chan struct{}, 1), limiter: rate.NewLimiter(rate.Every(c.cfg.Interval), 1)}
		g.turn <- struct{}{}
		c.gates[server] = g
	}
	return g
}

// Turn blocks until a server may be asked, which may be a day, or until ctx ends.
// Without patience it returns ErrPaused rather than wait for more than another's
// question takes. Until the turn has ended nobody else asks that server, in no
// process that shares the ledger.
func (c *Client) Turn(ctx context.Context, r reply.Registry, server string, patient bool) (*Turn, error) {
	if !c.Asks(r) {
		return nil, fmt.Errorf("%s: %w", c.Name(r), ErrNoServer)
	}
	t := &Turn{c: c, registry: r, server: server, name: c.Name(r)}
	if server != "" {
		t.name += "/" + strings.ReplaceAll(server, ":", "_")
	}
	t.gate = c.gate(t.name)
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-t.gate.turn:
	}
	if err := t.wait(ctx, patient); err != nil {
		t.gate.turn <- struct{}{}
		return nil, err
	}
	return t, nil
}

// Turn is the right to ask one server one question. It is for one goroutine, and
// must be ended.
type Turn struct {
	c        *Client
	registry reply.Registry
	server   string // of a carrier
	name     string
	gate     *gate
	usage    Usage
	end      ending
}

// Kept is the place of the last answer that was kept by whoever had the turn
// before: it may be the answer.
func (t *Turn) Kept() uint64 { return t.usage.Kept }

// wait blocks until the limits allow a question.
func (t *Turn) wait(ctx context.Context, patient bool) error {
	c := t.c
	for {
		if err := t.gate.limiter.Wait(ctx); err != nil {
			return err
		}
		u, wait := c.ledger.claim(ctx, t.name, time.Now(), c.cfg)
		t.gate.used.Store(&u)
		if wait <= 0 {
			t.usage, t.end = u, ending{failed: u.Failed}
			return nil
		}
		if wait > c.cfg.Timeout+c.cfg.Interval { // more than another's question takes
			t.gate.paused.Store(time.Now().Add(wait).Unix())
			if !patient {
				return fmt.Errorf("%s: %w", t.name, ErrPaused)
			}
		} else { // which mostly takes less than it may
			wait = min(wait, max(c.cfg.Interval, 5*time.Millisecond)+rand.N(c.cfg.Interval/4+1))
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

// Ask asks about addr, once. It blocks until the server has answered, until the
// timeout or until ctx ends.
//
// A reply of kind Blocked puts the server on pause. After an error the server is
// left alone for a while, longer each time, except after ErrTooLarge, which is
// about this question only.
func (t *Turn) Ask(ctx context.Context, addr netip.Addr) (reply.Reply, error) {
	c := t.c
	rep, retry, err := c.asker.Ask(ctx, t.registry, t.server, addr)
	t.end.asked, t.end.wait = true, c.cfg.Interval
	if ctx.Err() != nil { // the question was asked all the same
		t.end.why = "interrupted"
		return reply.Reply{}, ctx.Err()
	}
	var outcome string
	switch {
	case errors.Is(err, ErrTooLarge):
		outcome, t.end.failed = "too_large", 0
	case err != nil:
		t.end.failed++
		outcome, t.end.wait, t.end.why = "failed", c.retry(t.end.failed), "not reached"
		err = fmt.Errorf("ask %s: %w", t.name, err)
	case rep.Kind == reply.Blocked:
		outcome, t.end.wait, t.end.why = "blocked", c.cfg.pause(t.registry), "refused to answer"
		if retry > 0 { // it says itself
			t.end.wait = min(retry, c.cfg.Pause)
		}
	default:
		outcome, t.end.failed = rep.Kind.String(), 0
	}
	c.count(c.Name(t.registry), outcome)
	if t.end.why != "" {
		t.gate.paused.Store(time.Now().Add(t.end.wait).Unix())
	}
	return rep, err
}

// End gives the turn to the next. kept is the place of the answer that was kept, 0
// if there was none.
func (t *Turn) End(ctx context.Context, kept uint64) {
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	t.end.kept = kept
	t.c.ledger.release(late, t.name, time.Now(), t.end)
	t.gate.turn <- struct{}{}
}

// retry is how long a server that did not answer is left alone: 15 intervals,
// which is half a minute, and twice as long each time it fails again, up to an
// hour.
func (c *Client) retry(failing int) time.Duration {
	return min(15*c.cfg.Interval<<min(failing-1, 8), time.Hour)
}
