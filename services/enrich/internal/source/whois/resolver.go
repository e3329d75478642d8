package whois

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/gaissmai/bart"

	"github.com/whoknocks/whoknocks/services/enrich/internal/block"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois/reply"
)

// maxTries is how often one server is asked about one address in vain.
const maxTries = 3

// maxDelegations bounds what is remembered of which registry holds what.
const maxDelegations = 4096

// order is in which order registries are tried when none says who holds an
// address. ARIN knows which other registry holds one, for most.
var order = [...]reply.Registry{reply.ARIN, reply.RIPE, reply.APNIC, reply.AFRINIC, reply.LACNIC, reply.IANA}

// Finder is what a Resolver needs of its owner. Its methods are called by the
// workers, one call a server at a time, and must not call the Resolver.
type Finder interface {
	// Known says whether an address has been answered meanwhile: one answer serves
	// a whole block.
	Known(netip.Addr) bool
	// CaughtUp blocks until everything that was kept up to a place is known, or
	// for a moment.
	CaughtUp(ctx context.Context, kept uint64)
	// Deliver takes an answer and returns its place where it is kept, 0 if it is
	// not.
	Deliver(ctx context.Context, asked netip.Addr, a Answer) (kept uint64)
	// Holder is the registry that holds an address, "" if that is not known.
	Holder(netip.Addr) reply.Registry
}

// Resolver finds answers for addresses that are queued with Want, from one
// registry to the next. Each registry has a worker and a queue of its own, so one
// that is slow or on pause holds up no other.
type Resolver struct {
	clients []*Client // the first is asked first
	finder  Finder
	failure time.Duration
	seen    sightings
	queues  map[reply.Registry]*queue

	mu      sync.Mutex
	pending map[netip.Addr]struct{}  // queued or being asked about
	failed  map[netip.Addr]time.Time // until when it is not asked about again

	held delegations
}

// maxFailed bounds what is remembered of addresses that could not be asked about.
const maxFailed = 1 << 14

type task struct {
	addr   netip.Addr
	asked  map[reply.Registry]bool
	tries  int     // in vain at the registry whose queue it is in
	weak   *Answer // the answer if nobody has a better one
	server string  // of the carrier that is to be asked
	within block.Block
}

// NewResolver returns a resolver whose queues hold capacity addresses a registry.
// Of the clients, the first that can answers; an address that none could be asked
// about is left alone for failure.
func NewResolver(capacity int, failure time.Duration, finder Finder, clients ...*Client) *Resolver {
	r := &Resolver{
		clients: clients, finder: finder, failure: failure,
		queues:  map[reply.Registry]*queue{},
		pending: map[netip.Addr]struct{}{},
		failed:  map[netip.Addr]time.Time{},
	}
	for reg := range servers {
		if r.asks(reg) {
			r.queues[reg] = newQueue(capacity, &r.seen)
		}
	}
	return r
}

func (r *Resolver) asks(reg reply.Registry) bool {
	return slices.ContainsFunc(r.clients, func(c *Client) bool { return c.Asks(reg) })
}

// Want queues an address that was seen n times more, and reports whether it is
// queued, or was already. It never blocks: when the queue is full of networks that
// are seen more the answer is false, and the address may be wanted again when it
// is seen again.
func (r *Resolver) Want(addr netip.Addr, n uint32) bool {
	first := r.first(addr)
	if first == "" || !r.askable(addr) {
		return false
	}
	r.seen.add(addr, n)
	addr = around(addr).First
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.pending[addr]; ok {
		return true
	}
	if until, ok := r.failed[addr]; ok {
		if time.Now().Before(until) {
			return false
		}
		delete(r.failed, addr)
	}
	t := &task{addr: addr, asked: map[reply.Registry]bool{}}
	r.pending[addr] = struct{}{}
	out := r.queues[first].push(t)
	if out != nil {
		delete(r.pending, out.addr)
	}
	return out != t
}

// Waiting is how many addresses wait for each registry.
func (r *Resolver) Waiting() map[reply.Registry]int {
	n := make(map[reply.Registry]int, len(r.queues))
	for reg, q := range r.queues {
		n[reg] = q.len()
	}
	return n
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
			return slices.ContainsFunc(r.clients, func(c *Client) bool { return len(c.cfg.Servers) > 0 })
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
				t := queue.pop(ctx)
				if t == nil {
					return
				}
				r.handle(ctx, reg, t)
				queue.done()
			}
		})
	}
	wg.Wait()
}

// errKnown is returned by ask when somebody else was faster.
var errKnown = errors.New("it is known")

// ask asks one registry about the task's address, by the first client that can.
// The turn must be ended if there is no error.
func (r *Resolver) ask(ctx context.Context, reg reply.Registry, t *task) (rep reply.Reply, turn *Turn, err error) {
	clients := slices.DeleteFunc(slices.Clone(r.clients), func(c *Client) bool { return !c.Asks(reg) })
	for i, c := range clients {
		last := i == len(clients)-1
		if turn, err = c.Turn(ctx, reg, t.server, last && t.server == ""); err != nil {
			if ctx.Err() != nil || last {
				return rep, nil, err
			}
			continue
		}
		r.finder.CaughtUp(ctx, turn.Kept())
		if t.server == "" && r.finder.Known(t.addr) {
			turn.End(ctx, 0)
			return rep, nil, errKnown
		}
		rep, err = turn.Ask(ctx, t.addr)
		usable := err == nil && rep.Kind != reply.Blocked && rep.Kind != reply.Unusable
		if usable || last && err == nil {
			rep.Via = c.suffix
			return rep, turn, nil
		}
		turn.End(ctx, 0)
		if ctx.Err() != nil {
			return rep, nil, ctx.Err()
		}
	}
	return rep, nil, err
}

// handle asks one registry about one address and sends the task on its way.
func (r *Resolver) handle(ctx context.Context, reg reply.Registry, t *task) {
	if reg != reply.RWHOIS && r.finder.Known(t.addr) {
		r.done(t)
		return
	}
	rep, turn, err := r.ask(ctx, reg, t)
	var kept uint64
	if turn != nil {
		defer func() { turn.End(ctx, kept) }()
	}
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, errKnown):
		r.done(t)
	case reg == reply.RWHOIS:
		kept = r.carrier(ctx, t, rep, err)
	case errors.Is(err, ErrTooLarge), err == nil && rep.Kind == reply.Unusable:
		// It would be no better the next time.
		kept = r.finish(ctx, t, reg)
	case err != nil:
		if t.tries++; t.tries >= maxTries {
			r.fail(t)
			return
		}
		r.send(t, reg)
	case rep.Kind == reply.Blocked:
		r.send(t, reg) // the server is on pause now
	case rep.Kind == reply.Answer:
		kept = r.found(ctx, reg, t, rep)
	case rep.Kind == reply.None:
		kept = r.finish(ctx, t, reg)
	default: // Elsewhere
		kept = r.elsewhere(ctx, reg, t, rep)
	}
}

// found takes an answer, or where the block's carrier may know a smaller block,
// asks there first.
func (r *Resolver) found(ctx context.Context, reg reply.Registry, t *task, rep reply.Reply) (kept uint64) {
	a := answerOf(t.addr, rep, reg, time.Now())
	if rep.Server == "" || !r.asks(reply.RWHOIS) {
		return r.answer(ctx, t, a)
	}
	a.First, a.Last = around(t.addr).First, around(t.addr).Last // the carrier may have split it
	t.weak, t.server, t.within = &a, rep.Server, rep.Net.Block
	r.send(t, reply.RWHOIS)
	return 0
}

// carrier takes what a carrier's server says of its own block, if it says
// anything.
func (r *Resolver) carrier(ctx context.Context, t *task, rep reply.Reply, err error) (kept uint64) {
	if err != nil || rep.Kind != reply.Answer || !t.within.Covers(rep.Net.Block) || rep.Net.Registrant == "" {
		return r.answer(ctx, t, *t.weak)
	}
	a := answerOf(t.addr, rep, t.weak.Registry, time.Now())
	a.Parent, a.ParentNetname, a.Route = t.weak.Registrant, t.weak.Netname, t.weak.Route
	if a.Country == "" {
		a.Country = t.weak.Country
	}
	if a.Abuse == "" {
		a.Abuse = t.weak.Abuse
	}
	return r.answer(ctx, t, a)
}

func (r *Resolver) elsewhere(ctx context.Context, reg reply.Registry, t *task, rep reply.Reply) (kept uint64) {
	t.asked[reg] = true
	if rep.Net.Block.Valid() && t.weak == nil {
		weak := answerOf(t.addr, rep, reg, time.Now())
		t.weak = &weak
	}
	if reg == reply.ARIN && rep.Refer != "" {
		r.held.learn(rep)
	}
	if rep.Refer != "" && !r.asks(rep.Refer) {
		return r.finish(ctx, t, rep.Refer)
	}
	if next := r.next(t, rep.Refer); next != "" {
		t.tries = 0
		r.send(t, next)
		return 0
	}
	return r.finish(ctx, t, reg)
}

// finish ends a task that no registry had an answer for.
func (r *Resolver) finish(ctx context.Context, t *task, from reply.Registry) (kept uint64) {
	if t.weak != nil {
		return r.answer(ctx, t, *t.weak)
	}
	return r.answer(ctx, t, noneOf(t.addr, from, time.Now()))
}

func (r *Resolver) answer(ctx context.Context, t *task, a Answer) (kept uint64) {
	kept = r.finder.Deliver(ctx, t.addr, a)
	r.done(t)
	return kept
}

func (r *Resolver) done(t *task) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.pending, t.addr)
}

// fail ends a task that could not be asked about, unless there is an answer of a
// kind.
func (r *Resolver) fail(t *task) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.pending, t.addr)
	if len(r.failed) >= maxFailed {
		clear(r.failed)
	}
	r.failed[t.addr] = time.Now().Add(r.failure)
}

// send puts a task into a queue; when that is full of networks that are seen more
// the task is dropped.
func (r *Resolver) send(t *task, reg reply.Registry) {
	if out := r.queues[reg].push(t); out != nil {
		r.done(out)
	}
}

// first is the registry to begin with, "" if none is asked.
func (r *Resolver) first(addr netip.Addr) reply.Registry {
	if reg := r.held.holder(addr); reg != "" && r.asks(reg) {
		return reg
	}
	if reg := r.finder.Holder(addr); reg != "" && r.asks(reg) {
		return reg
	}
	for _, reg := range order {
		if r.asks(reg) {
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
		if r.asks(reg) && !t.asked[reg] {
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
