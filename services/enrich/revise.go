package enrich

import (
	"net/netip"
	"time"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois"
)

// Near is how far from an event, in time, an answer may be to be one of that time:
// blocks seldom change hands within a month.
const Near = 30 * 24 * time.Hour

// Revised is what an event that is stored is attributed to by what is known now.
type Revised struct {
	Facts scan.Facts
	// Dated says that the attribution is as of each event.
	Dated bool
}

// Revise returns a function that attributes events that are stored anew: by the
// rules and the families of now, and by the registry's answer that is nearest to
// the event. What was found out at the time of the event stays. Without the cause,
// which is the packet's. It asks nobody and is for one goroutine.
func (s *Service) Revise() func(stored *scan.Facts, addr netip.Addr, at time.Time) Revised {
	who := newAttributor(s.known.Load(), &s.kin)
	return func(stored *scan.Facts, addr netip.Addr, at time.Time) Revised {
		answer, _ := s.answer(addr, at)
		a := who.again(stored, addr, at, answer)
		return Revised{Facts: a.facts, Dated: a.dated}
	}
}

// Epochs returns the times, in Unix seconds and ascending, at which some rule
// begins or ends to be valid: between two of them a source has one owner.
func (s *Service) Epochs() []int64 { return s.known.Load().rules.Bounds() }

// again is attribute for an event that is stored.
func (k *attributor) again(stored *scan.Facts, addr netip.Addr, at time.Time, answer *whois.Answer) attribution {
	local := k.lookup(addr)
	if stored.ASN != 0 { // from data that was nearer to the event, or the same
		local.ASN, local.ASName = stored.ASN, stored.ASName
		if stored.OwnerBasis == scan.BasisASN {
			local.AsOf, local.Country = stored.OwnerAsOf, firstOf(stored.Country, local.Country)
			if p, err := netip.ParsePrefix(stored.Network); err == nil {
				local.Network = p
			}
		}
	}
	if m, ok := k.rules.Addr(addr, at); ok {
		return k.byPrefix(addr, m, local, at)
	}
	as := k.system(local, at)
	if as.byNumber {
		f := fromData(local)
		f.Owner, f.OwnerWhy, f.OwnerBasis = as.Owner, as.Why, scan.BasisOverride
		return attribution{facts: f}
	}
	if a := nearest(stored, answer, at); a != nil {
		if f, ok := k.byAnswer(a, local, as.Owner, at); ok {
			return attribution{facts: f}
		}
	}
	f := fromData(local)
	if local.ASN != 0 {
		f.Owner, f.OwnerWhy, f.OwnerBasis = as.Owner, as.Why, scan.BasisASN
	}
	return attribution{facts: f}
}

// nearest is the registry's answer to go by: the one that is stored or the one that
// is kept. One of the time of the event comes first, otherwise the later one.
func nearest(stored *scan.Facts, kept *whois.Answer, at time.Time) *whois.Answer {
	if kept != nil && kept.None {
		kept = nil
	}
	if stored.OwnerBasis != scan.BasisWHOIS && stored.OwnerBasis != scan.BasisRDAP {
		return kept
	}
	old := &whois.Answer{
		Network: stored.Network, Registrant: stored.Registrant, Netname: stored.Netname, Country: stored.Country, Asked: stored.OwnerAsOf,
		RDAP: stored.OwnerBasis == scan.BasisRDAP, Private: stored.OwnerWhy == whyPrivate, Parent: stored.Carrier,
	}
	if kept == nil {
		return old
	}
	was, is := at.Sub(old.Asked).Abs() <= Near, at.Sub(kept.Asked).Abs() <= Near
	if was && !is || was == is && !kept.Asked.After(old.Asked) {
		return old
	}
	return kept
}

// Differs says whether what is stored says something else.
func (r *Revised) Differs(stored *scan.Facts) bool {
	now := r.Facts
	now.Cause, now.CauseWhy = stored.Cause, stored.CauseWhy
	if r.Dated || now.OwnerAsOf.Equal(stored.OwnerAsOf) {
		now.OwnerAsOf = stored.OwnerAsOf
	}
	return now != *stored
}
