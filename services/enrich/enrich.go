// Package enrich is the service that says who sent an event and why: it reads
// observed events from the bus, adds the owner of the source address and the
// likely cause, and publishes them as enriched events, before it takes the
// observed ones off.
//
// Owners come from the user's rules, from the registries' answers that are
// known, and from IP-to-AS data. Events never wait for a registry: what is not
// known is asked for meanwhile, and the answer is published for the store to
// correct what it has. Doing anything twice is harmless, so messages may come
// again and any number of enrich services may work at once.
//
// Reading log lines is left to ingest, keeping events to the store.
package enrich

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/nats-io/nuid"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/enrich/internal/cache"
	"github.com/whoknocks/whoknocks/services/enrich/internal/cause"
	"github.com/whoknocks/whoknocks/services/enrich/internal/family"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/rdap"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/rdns"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois"
)

// Durable is the position of enrich in the stream of observed events.
const Durable = "enrich"

// How messages are grouped: a group is decoded, enriched and published together,
// and an event waits for company this long at most.
const (
	groupMessages = 32
	groupBytes    = 4 << 20
	groupAge      = 5 * time.Millisecond
)

// Service is enrich. Make one with New; call Run once, and Explain at any time.
type Service struct {
	id      string // among all that share a bus
	cfg     Config
	bus     *bus.Bus
	log     *slog.Logger
	metrics *metrics
	library *library                  // Run's
	known   atomic.Pointer[knowledge] // replaced, never changed

	answers *cache.Cache[*whois.Answer]
	learnt  atomic.Uint64   // grows with every answer that is put into answers
	kin     family.Kin      // of the answers
	lookups *whois.Resolver // nil when no registry is asked
	names   *rdns.Names     // nil when the DNS is not asked
	shared  *shared
	fence   fence

	workers chan *worker
}

// New reads the files that cfg names, about a second of work, and starts
// nothing. The bus stays the caller's to close; without one only Explain works.
// A nil reg keeps the metrics to itself.
func New(cfg Config, b *bus.Bus, log *slog.Logger, reg prometheus.Registerer) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("enrich: %w", err)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	library := newLibrary(cfg, log)
	known, err := library.load()
	if err != nil {
		return nil, fmt.Errorf("enrich: %w", err)
	}
	s := &Service{
		id:      nuid.Next(),
		cfg:     cfg,
		bus:     b,
		log:     log,
		library: library,
		answers: cache.New[*whois.Answer](cfg.CacheSize),
		shared:  newShared(),
		workers: make(chan *worker, cfg.Workers),
	}
	s.known.Store(known)
	s.warnOfAge(known)
	s.metrics = newMetrics(reg, s)
	if clients := s.clients(); len(clients) > 0 {
		s.lookups = whois.NewResolver(cfg.WHOIS.Queue, cfg.WHOIS.KeepFailed, finder{s}, clients...)
		s.metrics.servers(reg, clients, cfg.WHOIS.PerDay)
	}
	if r := cfg.ReverseDNS; r.Enabled {
		s.names = rdns.New(rdns.Config{Server: r.Server, Timeout: r.Timeout, PerSecond: r.PerSecond, Keep: r.Keep, KeepNone: r.KeepNone, Queue: r.Queue}, s.named)
	}
	for range cfg.Workers {
		s.workers <- s.newWorker()
	}
	return s, nil
}

// clients are the ways to ask the registries, the first to be used first.
func (s *Service) clients() (list []*whois.Client) {
	w := s.cfg.WHOIS
	if !w.Enabled {
		return nil
	}
	cfg := whois.Config{Servers: w.Servers, Timeout: w.Timeout, Interval: w.Interval, PerDay: w.PerDay, Pause: w.Pause}
	count := func(server, outcome string) { s.metrics.questions.WithLabelValues(server, outcome).Inc() }
	for _, way := range s.cfg.Ask {
		switch way {
		case wayWHOIS:
			list = append(list, whois.NewClient(cfg, s.shared, count))
		case wayRDAP:
			asker := rdap.New(rdap.Config{Servers: s.cfg.RDAP.Servers, Timeout: w.Timeout})
			list = append(list, whois.NewOtherClient(cfg, asker, "."+wayRDAP, s.shared, count))
		}
	}
	return list
}

// Run works until ctx ends, when it finishes the messages in work within the
// drain time. It returns an error only for what waiting does not mend.
func (s *Service) Run(ctx context.Context) error {
	if s.bus == nil {
		return errors.New("enrich: no bus to work on")
	}
	s.open(ctx)
	defer s.shared.close()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		s.refresh(ctx)
		return nil
	})
	loaded := make(chan struct{})
	g.Go(func() error {
		s.follow(ctx, loaded)
		return nil
	})
	g.Go(func() error {
		select { // events had better know what is known, but not wait for it
		case <-loaded:
		case <-time.After(loadWait):
		case <-ctx.Done():
		}
		return s.bus.SubscribeBatch(ctx, bus.Subscription{
			Stream: bus.StreamObserved, Durable: Durable, Drain: s.cfg.Drain, InFlight: s.cfg.Workers,
			MaxMsgs: groupMessages, MaxBytes: groupBytes, MaxAge: groupAge,
		}, s.handle)
	})
	if s.lookups != nil {
		g.Go(func() error {
			s.lookups.Run(ctx)
			return nil
		})
	}
	g.Go(func() error {
		s.tellStatus(ctx)
		return nil
	})
	if s.names != nil {
		g.Go(func() error {
			s.names.Run(ctx)
			return nil
		})
	}
	return g.Wait()
}

// refresh takes in files that change while Run works, every Reload.
func (s *Service) refresh(ctx context.Context) {
	if s.cfg.Reload <= 0 {
		return
	}
	tick := time.NewTicker(s.cfg.Reload)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		known, err := s.library.reload()
		if err != nil {
			s.metrics.reloads.WithLabelValues("failed").Inc()
			s.log.Error("changed files cannot be used, what was read before stays in force", "error", err)
		}
		if known != nil {
			s.known.Store(known) // workers forget what they worked out from the old
			s.metrics.reloads.WithLabelValues("loaded").Inc()
			s.log.Info("changed files are in force", "owners", known.rules.Owners(), "research", known.research.Owners())
			s.warnOfAge(known)
		}
	}
}

// warnOfAge says which data is stale: networks change hands.
func (s *Service) warnOfAge(k *knowledge) {
	for _, d := range k.data {
		if age := time.Since(d.AsOf); !d.AsOf.IsZero() && s.cfg.StaleAfter > 0 && age > s.cfg.StaleAfter {
			s.log.Warn("ip data is stale: name newer files in enrich.asn, enrich.country or enrich.mmdb",
				"data", d.What, "as_of", d.AsOf.Format(time.DateOnly), "days", int(age.Hours()/24))
		}
	}
}

// Explain tells the facts about one event from what is known here and now: it
// asks nobody and queues nothing. It may be called while Run works.
func (s *Service) Explain(_ context.Context, e *scan.Event) scan.Facts {
	f, project := scan.Facts{OwnerBasis: scan.BasisNone}, ""
	if e.Knock() {
		answer, fresh := s.answer(e.SrcIP.Unmap(), time.Now())
		a := newAttributor(s.known.Load(), &s.kin).attribution(e.SrcIP.Unmap(), e.Time, answer, fresh, s.host(e.SrcIP.Unmap()))
		if f = a.facts; a.dated {
			f.OwnerAsOf = asOf(e)
		}
		project = a.project
	}
	f.Cause, f.CauseWhy = cause.Of(e, project)
	return f
}

// Load reads the answers that are kept on the bus, as Run does, for Explain and
// Holders of a service that does not run.
func (s *Service) Load(ctx context.Context) error {
	s.open(ctx)
	defer s.shared.close()
	ctx, loaded := context.WithCancel(ctx)
	defer loaded()
	if err := s.shared.watch(ctx, func(a *whois.Answer) { s.take(a) }, loaded); err != nil {
		return fmt.Errorf("enrich: load answers: %w", err)
	}
	return nil
}

// Holders returns a function that tells who has an address at a time, as far as is
// known here and now; it asks nobody. It is for one goroutine.
func (s *Service) Holders() func(addr netip.Addr, at time.Time) scan.Facts {
	who := newAttributor(s.known.Load(), &s.kin)
	return func(addr netip.Addr, at time.Time) scan.Facts {
		answer, fresh := s.answer(addr, at)
		a := who.attribute(addr, at, answer, fresh)
		if a.dated {
			a.facts.OwnerAsOf = at.UTC().Truncate(time.Second)
		}
		return a.facts
	}
}

// answer returns what the registries said about addr, nil if nothing is known,
// and whether it is recent enough not to be asked for again.
func (s *Service) answer(addr netip.Addr, now time.Time) (*whois.Answer, bool) {
	a, ok := s.answers.Get(addr)
	if !ok {
		return nil, false
	}
	keep := s.cfg.WHOIS.Keep
	if a.None {
		keep = s.cfg.WHOIS.KeepNone
	}
	return a, now.Sub(a.Asked) < keep
}

// host is the confirmed name of addr, as far as it is known; if it is not, it will
// be looked up.
func (s *Service) host(addr netip.Addr) string {
	if s.names == nil || !s.known.Load().research.Hosts() {
		return ""
	}
	name, known := s.names.Get(addr)
	if !known {
		s.names.Want(addr)
	}
	return name
}

// named makes workers forget what they worked out without a name, where it tells
// something.
func (s *Service) named(_ netip.Addr, host string) {
	s.metrics.names.Inc()
	if _, ok := s.known.Load().research.Host(host, time.Now()); ok {
		s.learnt.Add(1)
	}
}

func (s *Service) pending() int {
	if s.lookups == nil {
		return 0
	}
	return s.lookups.Pending()
}
