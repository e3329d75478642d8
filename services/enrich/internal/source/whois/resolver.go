package whois

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/gaissmai/bart"

	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois/reply"
)

// maxTries is how often one server is asked about one address in vain.
const maxTries = 3

// maxDelegations bounds what is remembered of which registry holds what.
const maxDelegations = 4096

// order is in which order registries are tried when none says who holds an
// address.
var order = [...]reply.Registry{reply.ARIN, reply.RIPE, reply.APNIC, reply.AFRINIC}

// Resolver finds answers for addresses that are queued with Want, from one
// registry to the next. Each server has a worker and a queue of its own, so one
// that is slow or on pause holds up no other.
type Resolver struct {
	client  *Client
	known   func(netip.Addr) bool
	deliver func(context.Context, netip.Addr, Answer)
	queues  map[reply.Registry]chan *task

	mu      sync.Mutex
	pending map[netip.Addr]struct{} // queued or being asked about

	held delegations
}

type task struct {
	addr  netip.Addr
	asked map[reply.Registry]bool
	tries int     // in vain at the server whose queue it is in
	weak  *Answer // the answer if nobody has a better one
}

// NewResolver returns a resolver whose queues hold capacity addresses a server.
// known says whether an address has been answered meanwhile: one answer serves a
// whole block. deliver gets each answer; it is called by the workers, one call a
// server at a time, and must not call the Resolver.
func NewResolver(client *Client, capacity int, known func(netip.Addr) bool, deliver func(context.Context, netip.Addr, Answer)) *Resolver {
	r := &Resolver{
		client:  client,
		known:   known,
		deliver: deliver,
		queues:  map[reply.Registry]chan *task{},
		pending: map[netip.Addr]struct{}{},
	}
	for _, reg := range order {
		if client.Asks(reg) {
			r.queues[reg] = make(chan *task, capacity)
		}
	}
	return r
}

// Want queues an address and reports whether it is queued, or was already. It
// never blocks: when the queue is full the answer is false, and the address may
// be wanted again when it is seen again.
func (r *Resolver) Want(addr netip.Addr) bool {
	first := r.first(addr)
	if first == "" || !r.askable(addr) {
		return false
	}
	addr = around(addr).First
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.pending[addr]; ok {
		return true
	}
	select {
	case r.queues[first] <- &task{addr: addr, asked: map[reply.Registry]bool{}}:
		r.pending[addr] = struct{}{}
		return true
	default:
		return false
	}
}

// Pending is the number of addresses that are queued or being asked about.
func (r *Resolver) Pending() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.pending)
}

// askable keeps from the registries what they can say nothing about. Addresses
// of documentation are for servers that the configuration names: tests.
func (r *Resolver) askable(addr netip.Addr) bool {
	for _, p := range unasked {
		if p.Contains(addr) {
			return false
		}
	}
	for _, p := range documentation {
		if p.Contains(addr) {
			return len(r.client.cfg.Servers) > 0
		}
	}
	return true
}

var (
	documentation = prefixes("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")
	unasked       = prefixes("192.0.0.0/24", "192.88.99.0/24", "::/8", "64:ff9b::/96", "100::/8", "2001::/32", "2001:2::/48", "2001:10::/28", "2002::/16", "5f00::/16")
)

func prefixes(list ...string) (out []netip.Prefix) {
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// Run asks until ctx ends. What is queued then is forgotten.
func (r *Resolver) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for reg, queue := range r.queues {
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case t := <-queue:
					r.handle(ctx, reg, t)
				}
			}
		})
	}
	wg.Wait()
}

// handle asks one registry about one address and sends the task on its way.
func (r *Resolver) handle(ctx context.Context, reg reply.Registry, t *task) {
	if r.known(t.addr) {
		r.done(t)
		return
	}
	rep, err := r.client.Ask(ctx, reg, t.addr)
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, ErrTooLarge), err == nil && rep.Kind == reply.Unusable:
		// It would be no better the next time.
		r.finish(ctx, t, reg)
	case err != nil:
		if t.tries++; t.tries >= maxTries {
			r.done(t)
			return
		}
		r.send(t, reg)
	case rep.Kind == reply.Blocked:
		r.send(t, reg) // the server is on pause now
	case rep.Kind == reply.Answer:
		r.answer(ctx, t, answerOf(t.addr, rep, reg, time.Now()))
	case rep.Kind == reply.None:
		r.finish(ctx, t, reg)
	default: // Elsewhere
		t.asked[reg] = true
		if rep.Net.Block.Valid() && t.weak == nil {
			weak := answerOf(t.addr, rep, reg, time.Now())
			t.weak = &weak
		}
		if reg == reply.ARIN && rep.Refer != "" {
			r.held.learn(rep)
		}
		if rep.Refer != "" && !r.client.Asks(rep.Refer) {
			r.finish(ctx, t, rep.Refer)
			return
		}
		if next := r.next(t, rep.Refer); next != "" {
			t.tries = 0
			r.send(t, next)
			return
		}
		r.finish(ctx, t, reg)
	}
}

// finish ends a task that no registry had an answer for.
func (r *Resolver) finish(ctx context.Context, t *task, from reply.Registry) {
	if t.weak != nil {
		r.answer(ctx, t, *t.weak)
		return
	}
	r.answer(ctx, t, noneOf(t.addr, from, time.Now()))
}

func (r *Resolver) answer(ctx context.Context, t *task, a Answer) {
	r.deliver(ctx, t.addr, a)
	r.done(t)
}

func (r *Resolver) done(t *task) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.pending, t.addr)
}

// send puts a task into a queue; when that is full the task is dropped.
func (r *Resolver) send(t *task, reg reply.Registry) {
	select {
	case r.queues[reg] <- t:
	default:
		r.done(t)
	}
}

// first is the registry to begin with, "" if none is asked.
func (r *Resolver) first(addr netip.Addr) reply.Registry {
	if reg := r.held.holder(addr); reg != "" && r.client.Asks(reg) {
		return reg
	}
	for _, reg := range order {
		if r.client.Asks(reg) {
			return reg
		}
	}
	return ""
}

// next is the registry to go on with: the one that was named, else, where nobody
// was named, the next that has not been asked.
func (r *Resolver) next(t *task, named reply.Registry) reply.Registry {
	if named != "" && !t.asked[named] {
		return named
	}
	if named != "" {
		return ""
	}
	for _, reg := range order {
		if r.client.Asks(reg) && !t.asked[reg] {
			return reg
		}
	}
	return ""
}

// delegations remembers which of ARIN's blocks are another registry's, so that
// the next address in one costs one question less.
type delegations struct {
	mu    sync.Mutex
	table bart.Table[reply.Registry]
}

func (d *delegations) learn(rep reply.Reply) {
	if rep.Held.Wider(leafBits4, leafBits6-8) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range rep.Held.AppendPrefixes(nil) {
		if d.table.Size() < maxDelegations {
			d.table.Insert(p, rep.Refer)
		}
	}
}

func (d *delegations) holder(addr netip.Addr) reply.Registry {
	d.mu.Lock()
	defer d.mu.Unlock()
	reg, _ := d.table.Lookup(addr)
	return reg
}
