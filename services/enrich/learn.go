package enrich

import (
	"context"
	"net/netip"
	"time"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/rdap"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois/reply"
)

// How long the start waits for the answers that are kept, before it works
// without them.
const loadWait = 5 * time.Second

// finder is what the lookups need of the service.
type finder struct{ *Service }

// Deliver takes in a registry's answer: from now on events have it, and what was
// published without it is corrected. It is kept for others last, so that a stop
// in between means at worst that the question is asked again.
func (f finder) Deliver(ctx context.Context, asked netip.Addr, a whois.Answer) (kept uint64) {
	f.take(&a)
	if err := f.tell(ctx, asked, &a); err != nil {
		if ctx.Err() == nil {
			f.log.Warn("attribution could not be published", "block", a.Block(), "error", err)
		}
		return 0
	}
	kept, err := f.shared.put(ctx, &a)
	if err != nil && ctx.Err() == nil {
		f.metrics.unshared.Inc()
		f.log.Warn("answer could not be kept in the bus", "block", a.Block(), "error", err)
	}
	return kept
}

func (f finder) CaughtUp(ctx context.Context, kept uint64) { f.shared.caughtUp(ctx, kept) }

func (f finder) Known(addr netip.Addr) bool {
	_, fresh := f.answer(addr, time.Now())
	return fresh
}

// Holder is told by IANA's lists, which are built in.
func (f finder) Holder(addr netip.Addr) reply.Registry { return rdap.Holder(addr) }

// take puts an answer into memory, unless it is there already.
func (s *Service) take(a *whois.Answer) (news bool) {
	if have, ok := s.answers.Get(a.First); ok && have.First == a.First && have.Last == a.Last && !a.Asked.After(have.Asked) {
		return false
	}
	s.answers.Put(a.Block(), a)
	if !a.None && !a.Private {
		s.kin.Learn(nameOf(a), a.Asked)
	}
	s.learnt.Add(1)
	s.metrics.learnt.Inc()
	return true
}

// tell publishes an attribution for the block of an answer, after every event
// that was enriched without it has been published: whoever reads both in order
// misses none. That nothing is known corrects nothing.
func (s *Service) tell(ctx context.Context, asked netip.Addr, a *whois.Answer) error {
	if a.None {
		return nil
	}
	if err := s.fence.wait(ctx); err != nil {
		return err
	}
	who := newAttributor(s.known.Load(), &s.kin).attribute(asked, a.Asked, a, true)
	if who.facts.OwnerBasis != scan.BasisWHOIS && who.facts.OwnerBasis != scan.BasisRDAP {
		return nil // the user knows better, or the answer names nobody
	}
	msg := scan.Attributed{First: a.First, Last: a.Last, Facts: who.facts}
	_, err := s.bus.Publish(ctx, bus.SubjectAttributed, append(msg.AppendJSON(nil), '\n'))
	return err
}

// open opens the bucket, if the bus lets it: without it answers are not shared.
func (s *Service) open(ctx context.Context) {
	keep := max(s.cfg.WHOIS.Keep, s.cfg.WHOIS.KeepNone)
	if err := s.shared.open(ctx, s.bus, keep); err != nil && ctx.Err() == nil {
		s.log.Warn("answers of registries are not shared", "error", err)
	}
}

// follow takes in the answers that are kept, closes loaded, and then takes in
// what others learn. It begins anew when the bus broke it off.
func (s *Service) follow(ctx context.Context, loaded chan<- struct{}) {
	for ctx.Err() == nil {
		live := false
		err := s.shared.watch(ctx, func(a *whois.Answer) {
			if s.take(a) && live {
				// Events that this service enriched without it are its to correct.
				if err := s.tell(ctx, a.First, a); err != nil && ctx.Err() == nil {
					s.log.Warn("attribution could not be published", "block", a.Block(), "error", err)
				}
			}
		}, func() {
			live = true
			s.log.Info("answers loaded", "prefixes", s.answers.Len())
			if loaded != nil {
				close(loaded)
				loaded = nil
			}
		})
		if err != nil && ctx.Err() == nil {
			s.log.Debug("answers of others are not followed", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}
