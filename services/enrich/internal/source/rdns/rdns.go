// Package rdns finds the names of addresses in the DNS, and believes only those
// that are confirmed: whoever has an address may give it any name, so the name
// must lead back to the address, which only the name's owner can say.
//
// Protocol: RFC 1035, section 3.5, and RFC 3596, section 2.5.
package rdns

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/whoknocks/whoknocks/services/enrich/internal/block"
	"github.com/whoknocks/whoknocks/services/enrich/internal/cache"
)

// Config says how to ask. Zero fields take the default.
type Config struct {
	// Server is the resolver, host:port. Empty takes the system's.
	Server string
	// Timeout bounds one address, both directions. Default 5 s.
	Timeout time.Duration
	// PerSecond is the most addresses a second. Default 10.
	PerSecond float64
	// Keep is how long a name is used before it is asked for again, KeepNone how
	// long it is that there is none, or that nobody answered. Defaults 7 days and
	// 1 day.
	Keep, KeepNone time.Duration
	// Queue is the most addresses that wait, Size the most names in memory.
	// Defaults 4096 and 65536.
	Queue, Size int
}

func (c Config) withDefaults() Config {
	set(&c.Timeout, 5*time.Second)
	set(&c.PerSecond, 10)
	set(&c.Keep, 7*24*time.Hour)
	set(&c.KeepNone, 24*time.Hour)
	set(&c.Queue, 4096)
	set(&c.Size, 1<<16)
	return c
}

func set[T int | float64 | time.Duration](v *T, otherwise T) {
	if *v <= 0 {
		*v = otherwise
	}
}

const (
	askers   = 4 // addresses at the same time
	maxNames = 4 // of one address that are tried
)

// Names finds and remembers names. It is safe for concurrent use.
type Names struct {
	cfg      Config
	resolver *net.Resolver
	limiter  *rate.Limiter
	known    *cache.Cache[entry]
	queue    chan netip.Addr
	found    func(addr netip.Addr, name string)

	mu      sync.Mutex
	pending map[netip.Addr]struct{}
}

type entry struct {
	name  string // "" for none
	until time.Time
}

// New returns names that are looked up while Run runs. found, if not nil, is told
// every confirmed name; it must not block.
func New(cfg Config, found func(addr netip.Addr, name string)) *Names {
	cfg = cfg.withDefaults()
	n := &Names{
		cfg:      cfg,
		resolver: &net.Resolver{PreferGo: true},
		limiter:  rate.NewLimiter(rate.Limit(cfg.PerSecond), max(1, int(cfg.PerSecond))),
		known:    cache.New[entry](cfg.Size),
		queue:    make(chan netip.Addr, cfg.Queue),
		found:    found,
		pending:  map[netip.Addr]struct{}{},
	}
	if cfg.Server != "" {
		n.resolver.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, cfg.Server)
		}
	}
	return n
}

// Get returns the confirmed name of addr, in lower case without the last dot, ""
// if it has none; known says whether that is so, or has yet to be found out.
func (n *Names) Get(addr netip.Addr) (name string, known bool) {
	e, ok := n.known.Get(addr)
	if !ok || time.Now().After(e.until) {
		return "", false
	}
	return e.name, true
}

// Want queues an address unless it is queued, known, or the queue is full. It
// never blocks.
func (n *Names) Want(addr netip.Addr) {
	if _, known := n.Get(addr); known {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := n.pending[addr]; ok {
		return
	}
	select {
	case n.queue <- addr:
		n.pending[addr] = struct{}{}
	default:
	}
}

// Pending is the number of addresses that wait.
func (n *Names) Pending() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.pending)
}

// Run looks up what is queued until ctx ends.
func (n *Names) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for range askers {
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case addr := <-n.queue:
					if n.limiter.Wait(ctx) != nil {
						return
					}
					n.take(ctx, addr)
				}
			}
		})
	}
	wg.Wait()
}

func (n *Names) take(ctx context.Context, addr netip.Addr) {
	name, err := n.confirmed(ctx, addr)
	e := entry{name: name, until: time.Now().Add(n.cfg.Keep)}
	if name == "" {
		e.until = time.Now().Add(n.cfg.KeepNone)
	}
	if err == nil || ctx.Err() == nil {
		n.known.Put(block.Single(addr), e)
	}
	n.mu.Lock()
	delete(n.pending, addr)
	n.mu.Unlock()
	if name != "" && n.found != nil {
		n.found(addr, name)
	}
}

// confirmed asks for the names of addr and returns the first that leads back to
// it, "" if none does.
func (n *Names) confirmed(ctx context.Context, addr netip.Addr) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, n.cfg.Timeout)
	defer cancel()
	names, err := n.resolver.LookupAddr(ctx, addr.String())
	if len(names) == 0 {
		return "", missing(err)
	}
	for _, name := range names[:min(len(names), maxNames)] {
		name = strings.ToLower(strings.TrimSuffix(name, "."))
		if !plain(name) {
			continue
		}
		back, lookupErr := n.resolver.LookupNetIP(ctx, "ip", name+".")
		for _, a := range back {
			if a.Unmap() == addr {
				return name, nil
			}
		}
		err = errors.Join(err, missing(lookupErr))
	}
	return "", err
}

// missing is no error where the DNS says that there is nothing.
func missing(err error) error {
	var e *net.DNSError
	if errors.As(err, &e) && e.IsNotFound {
		return nil
	}
	return err
}

// plain says whether a name is one of a host: RFC 952 and 1123, and underscores,
// which are seen. Anything else is somebody's idea of a joke.
func plain(name string) bool {
	if len(name) > 253 || !strings.Contains(name, ".") {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return true
}
