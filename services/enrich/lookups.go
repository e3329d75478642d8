package enrich

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois"
)

// How often a service tells how it does, and how old what it told may be for it
// to count as running.
const (
	statusEvery = 5 * time.Second
	statusAlive = 30 * time.Second
)

const statusPrefix = "status."

// Lookups is how the questions to registries stand, of all enrich services on one
// bus.
type Lookups struct {
	Servers  []ServerLookups `json:"servers"`  // in alphabetical order
	Answers  int             `json:"answers"`  // blocks whose answers are kept
	Services int             `json:"services"` // that run
	Names    int             `json:"names"`    // addresses that wait for the DNS
	Data     []Data          `json:"data"`     // of the services that run
}

// ServerLookups is how the questions to one server stand.
type ServerLookups struct {
	Server  string    `json:"server"`
	Asked   int       `json:"asked"`                 // in the 24 hours that began at Since
	Budget  int       `json:"budget"`                // of questions in 24 hours
	Since   time.Time `json:"since,omitzero"`        // the zero time if it was never asked
	Paused  time.Time `json:"paused_until,omitzero"` // it is left alone until then; the zero time if it is not
	Why     string    `json:"why,omitempty"`         // it is left alone
	Failed  int       `json:"failed"`                // questions in a row that were in vain
	Waiting int       `json:"waiting"`               // addresses that wait for it
}

// Data is one kind of IP data and as of when it is.
type Data struct {
	What  string    `json:"what"`
	AsOf  time.Time `json:"as_of,omitzero"` // the zero time if nobody knows
	Stale bool      `json:"stale"`          // older than enrich.stale_after
}

// status is what one service tells.
type status struct {
	At      time.Time      `json:"at"`
	Waiting map[string]int `json:"waiting"`
	Names   int            `json:"names"`
	Budget  int            `json:"budget"`
	Data    []dataset      `json:"data"`
	Stale   time.Duration  `json:"stale"`
}

func (s *Service) status() status {
	st := status{At: time.Now().UTC(), Waiting: map[string]int{}, Budget: s.cfg.WHOIS.PerDay, Data: s.known.Load().data, Stale: s.cfg.StaleAfter}
	if s.lookups != nil {
		for r, n := range s.lookups.Waiting() {
			st.Waiting[string(r)] = n
		}
	}
	if s.names != nil {
		st.Names = s.names.Pending()
	}
	return st
}

// tellStatus tells how the service does until ctx ends. That nobody hears it, for
// want of a bus, is told by others.
func (s *Service) tellStatus(ctx context.Context) {
	key := statusPrefix + s.id
	tick := time.NewTicker(statusEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		if data, err := json.Marshal(s.status()); err == nil {
			_ = s.shared.set(ctx, key, data)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = s.shared.remove(late, key)
}

// ReadLookups reads how the questions stand, whether or not a service runs. cfg
// gives the limits where none does.
func ReadLookups(ctx context.Context, b *bus.Bus, cfg Config) (Lookups, error) {
	s := newShared()
	if err := s.open(ctx, b, max(cfg.WHOIS.Keep, cfg.WHOIS.KeepNone)); err != nil {
		return Lookups{}, fmt.Errorf("enrich: %w", err)
	}
	kv, err := s.bucket()
	if err != nil {
		return Lookups{}, err
	}
	keys, err := kv.ListKeys(ctx)
	if err != nil {
		return Lookups{}, fmt.Errorf("enrich: %w", err)
	}
	defer func() { _ = keys.Stop() }()
	l := Lookups{Servers: []ServerLookups{}, Data: []Data{}}
	servers := map[string]*ServerLookups{}
	server := func(name string) *ServerLookups {
		if servers[name] == nil {
			servers[name] = &ServerLookups{Server: name, Budget: cfg.WHOIS.PerDay}
		}
		return servers[name]
	}
	now, budget := time.Now(), 0
	for key := range keys.Keys() {
		kind, rest, _ := strings.Cut(key, ".")
		var err error
		switch kind + "." {
		case answersPrefix:
			l.Answers++
		case limitsPrefix:
			var u whois.Usage
			if err = fetch(ctx, kv, key, &u); err == nil {
				server(rest).take(u, now)
			}
		case statusPrefix:
			var st status
			if err = fetch(ctx, kv, key, &st); err == nil && now.Sub(st.At) < statusAlive {
				l.Services++
				budget = st.Budget
				l.Names += st.Names
				for name, n := range st.Waiting {
					server(name).Waiting += n
				}
				l.take(st, now)
			}
		}
		if err != nil {
			return Lookups{}, fmt.Errorf("enrich: %w", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(servers)) {
		if budget > 0 {
			servers[name].Budget = budget
		}
		l.Servers = append(l.Servers, *servers[name])
	}
	slices.SortFunc(l.Data, func(a, b Data) int { return cmp.Or(cmp.Compare(a.What, b.What), a.AsOf.Compare(b.AsOf)) })
	return l, nil
}

// fetch reads a key into v. One that is gone meanwhile, or that another version
// wrote and this one cannot read, leaves v as it is.
func fetch(ctx context.Context, kv jetstream.KeyValue, key string, v any) error {
	entry, err := kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	_ = json.Unmarshal(entry.Value(), v)
	return nil
}

func (l *ServerLookups) take(u whois.Usage, now time.Time) {
	l.Since, l.Failed = u.Day, u.Failed
	if now.Sub(u.Day) < 24*time.Hour {
		l.Asked = u.Count
	}
	switch {
	case u.Next.After(now) && u.Why != "":
		l.Paused, l.Why = u.Next, u.Why
	case l.Asked >= l.Budget:
		l.Paused, l.Why = u.Day.Add(24*time.Hour), "budget used up"
	}
}

// take adds the data of one service, unless another has told of the same.
func (l *Lookups) take(st status, now time.Time) {
	for _, d := range st.Data {
		if !slices.ContainsFunc(l.Data, func(have Data) bool { return have.What == d.What && have.AsOf.Equal(d.AsOf) }) {
			l.Data = append(l.Data, Data{What: d.What, AsOf: d.AsOf, Stale: !d.AsOf.IsZero() && st.Stale > 0 && now.Sub(d.AsOf) > st.Stale})
		}
	}
}
