package ingest

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"
)

// maxSenders bounds the senders whose rates are remembered: over UDP addresses
// are easily made up. One that is forgotten starts with a full burst.
const maxSenders = 4096

// senders reads an allow list.
func senders(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range list {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			a, aerr := netip.ParseAddr(text)
			if aerr != nil {
				return nil, fmt.Errorf("%.80q is neither an address nor a prefix such as 192.168.0.0/16", text)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// gate says who may send, and how much. It is safe for concurrent use.
type gate struct {
	allowed []netip.Prefix // none is everybody
	limit   rate.Limit     // 0 is none
	burst   int

	mu       sync.Mutex
	limiters *simplelru.LRU[netip.Addr, *rate.Limiter]
	missed   map[netip.Addr]uint64 // messages that were not taken, since last told
	told     uint64                // for senders beyond those
}

func newGate(cfg Config) (*gate, error) {
	allowed, err := senders(cfg.SyslogAllow)
	if err != nil {
		return nil, err
	}
	limiters, err := simplelru.NewLRU[netip.Addr, *rate.Limiter](maxSenders, nil)
	if err != nil {
		return nil, err
	}
	return &gate{
		allowed: allowed, limit: rate.Limit(cfg.SyslogRate), burst: cfg.SyslogBurst,
		limiters: limiters, missed: make(map[netip.Addr]uint64),
	}, nil
}

// admits reports whether addr, which must be unmapped, may send at all.
func (g *gate) admits(addr netip.Addr) bool {
	if len(g.allowed) == 0 {
		return true
	}
	for _, p := range g.allowed {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

func (g *gate) limiter(addr netip.Addr) *rate.Limiter {
	g.mu.Lock()
	defer g.mu.Unlock()
	l, ok := g.limiters.Get(addr)
	if !ok {
		l = rate.NewLimiter(g.limit, g.burst)
		g.limiters.Add(addr, l)
	}
	return l
}

// take reports whether one more message of addr is taken now; one that is not is
// remembered for untaken.
func (g *gate) take(addr netip.Addr, now time.Time) bool {
	if g.limit == 0 || g.limiter(addr).AllowN(now, 1) {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, known := g.missed[addr]; known || len(g.missed) < maxSenders {
		g.missed[addr]++
	} else {
		g.told++
	}
	return false
}

// wait blocks until one more message of addr may be taken.
func (g *gate) wait(ctx context.Context, addr netip.Addr) error {
	if g.limit == 0 {
		return nil
	}
	return g.limiter(addr).Wait(ctx)
}

// untaken returns how many messages of each sender were not taken since the last
// call, under the zero Addr those of senders too many to tell apart.
func (g *gate) untaken() map[netip.Addr]uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.missed) == 0 {
		return nil
	}
	out := g.missed
	if g.told > 0 {
		out[netip.Addr{}] = g.told
	}
	g.missed, g.told = make(map[netip.Addr]uint64), 0
	return out
}
