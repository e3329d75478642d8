package enrich

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/enrich/internal/family"
	"github.com/whoknocks/whoknocks/services/enrich/internal/name"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/rules"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois"
)

// An attribution is what is known about a source address at some time.
type attribution struct {
	facts scan.Facts // without cause
	// dated says that the user's rule was true when the event happened, so the
	// attribution is as of the event; otherwise facts say as of when.
	dated bool
	// project is the evidence that the address is a research project's.
	project string
	// ask says that a registry may know more, or something newer.
	ask bool
}

// Why an owner is called what it is, where no rule said so.
const (
	whyRegistrant = "registrant without its legal form"
	whyNetname    = "net name, as no registrant is given"
	whyPrivate    = "the registry withholds the registrant"
	whyASName     = "AS name without its legal form"
	whyASNumber   = "AS number, as its name is not known"
)

// attributor attributes addresses with what is known, and remembers what names
// mean. It is for one goroutine.
type attributor struct {
	*knowledge
	kin     *family.Kin // of the answers
	names   map[nameKey]match
	systems map[systemKey]system
}

// What a name means does not change within an epoch of the rules.
type nameKey struct {
	name  string
	epoch int
}

type match struct {
	rules.Match
	ok bool
}

type systemKey struct {
	asn   uint32
	name  string
	epoch int
}

type system struct {
	rules.Match
	byNumber bool
}

// maxNames bounds what an attributor remembers, a few megabytes. Beyond it the
// memory starts anew, which costs some microseconds a name.
const maxNames = 1 << 14

func newAttributor(k *knowledge, kin *family.Kin) *attributor {
	return &attributor{knowledge: k, kin: kin, names: map[nameKey]match{}, systems: map[systemKey]system{}}
}

// attribution is attribute, and which project scans from addr. host is its
// confirmed name, "" if it has none.
func (k *attributor) attribution(addr netip.Addr, at time.Time, answer *whois.Answer, fresh bool, host string) attribution {
	a := k.attribute(addr, at, answer, fresh)
	a.project = k.project(addr, &a.facts, host, at)
	return a
}

// attribute decides who the owner of addr is, for an event at a time. What comes
// first decides:
//
//  1. a prefix of the owner rules that is valid at the time
//  2. an AS number of the owner rules, unless a name fits that is read before it
//  3. the registry's answer about the smallest block
//  4. the AS that announces the address
//
// Names in the owner rules make families of registrants and AS names. answer is
// what the registries said, nil if they were not asked; fresh says that they
// need not be asked again.
func (k *attributor) attribute(addr netip.Addr, at time.Time, answer *whois.Answer, fresh bool) attribution {
	local := k.lookup(addr)
	if m, ok := k.rules.Addr(addr, at); ok {
		return k.byPrefix(addr, m, local, at)
	}
	as := k.system(local, at)
	if as.byNumber {
		f := fromData(local)
		f.Owner, f.OwnerWhy, f.OwnerBasis = as.Owner, as.Why, scan.BasisOverride
		return attribution{facts: f}
	}
	if answer != nil && !answer.None {
		if f, ok := k.byAnswer(answer, local, as.Owner, at); ok {
			return attribution{facts: f, ask: !fresh}
		}
	}
	f := fromData(local)
	if local.ASN != 0 {
		f.Owner, f.OwnerWhy, f.OwnerBasis = as.Owner, as.Why, scan.BasisASN
	}
	return attribution{facts: f, ask: !fresh}
}

// byPrefix takes what the rule says. What the data says of AS and country is
// added only where the rule is still valid at the date of the data: who
// announces a block today tells nothing about the block of years ago.
func (k *attributor) byPrefix(addr netip.Addr, m rules.Match, local source.Fact, at time.Time) attribution {
	f := scan.Facts{}
	if now, ok := k.rules.Addr(addr, local.AsOf); !local.AsOf.IsZero() && ok && now == m {
		f = fromData(local)
		if as := k.system(local, at); as.Owner != m.Owner {
			f.Carrier = as.Owner
		}
	}
	f.OwnerBasis, f.OwnerAsOf = scan.BasisOverride, time.Time{}
	f.Owner, f.OwnerWhy = m.Owner, m.Why
	f.Network, f.Registrant, f.Netname = m.Network.String(), m.Registrant, m.Netname
	if m.Country != "" {
		f.Country = m.Country
	}
	if m.Carrier != "" {
		f.Carrier = m.Carrier
	}
	return attribution{facts: f, dated: true}
}

// byAnswer takes what the registry said; false if it named nobody.
func (k *attributor) byAnswer(a *whois.Answer, local source.Fact, asOwner string, at time.Time) (scan.Facts, bool) {
	f := fromData(local)
	f.OwnerBasis, f.OwnerAsOf = scan.BasisWHOIS, a.Asked
	if a.RDAP {
		f.OwnerBasis = scan.BasisRDAP
	}
	f.Network, f.Registrant, f.Netname = a.Network, a.Registrant, a.Netname
	if a.Country != "" {
		f.Country = a.Country
	}
	parent := k.family(at, a.Parent, a.ParentNetname)
	m := k.byHandle(a, at)
	if !m.ok {
		m = k.named(at, a.Registrant, a.Netname)
	}
	switch {
	case m.ok:
		f.Owner, f.OwnerWhy = m.Owner, m.Why
	case a.Private:
		f.Owner, f.OwnerWhy = "private customer", whyPrivate
		if of := firstOf(parent, k.family(at, a.Route), asOwner); of != "" {
			f.Owner += " of " + of
		}
	case a.Registrant == "":
		return scan.Facts{}, false
	case a.Registrant == a.Netname:
		f.Owner, f.OwnerWhy = a.Registrant, whyNetname
	default:
		f.Owner, f.OwnerWhy = k.registrant(a, &f, at)
	}
	for _, carrier := range []string{parent, k.family(at, a.Route), asOwner} {
		if carrier != "" && carrier != f.Owner {
			f.Carrier = carrier
			break
		}
	}
	return f, true
}

// registrant is the owner that an organisation without a rule is: a family of the
// AS data, else itself.
func (k *attributor) registrant(a *whois.Answer, f *scan.Facts, at time.Time) (owner, why string) {
	n := nameOf(a)
	n.ASN, n.Country = f.ASN, f.Country
	if first, ok := k.kin.Of(n); ok {
		if why, ok := k.families.Same(n, first); ok {
			owner, _ := k.known(first, at)
			return owner, why + " as " + first.Text
		}
	}
	return k.known(n, at)
}

// known is the owner that a registered name is by itself.
func (k *attributor) known(n family.Name, at time.Time) (owner, why string) {
	if m := k.named(at, n.Text); m.ok {
		return m.Owner, m.Why
	}
	if of, why, ok := k.families.Registrant(n); ok {
		m := k.ofFamily(of, why, at)
		return m.Owner, m.Why
	}
	return name.Short(n.Text), whyRegistrant
}

// nameOf is the registered name of an answer, with what tells its kin.
func nameOf(a *whois.Answer) family.Name {
	return family.Name{Text: a.Registrant, Country: a.Country, Registry: string(a.Registry), Handle: a.Handle, AbuseDomain: a.Abuse}
}

// ofFamily is the owner of a family of the AS data: what the rules call its largest
// system, else that system's name.
func (k *knowledge) ofFamily(of family.Family, why string, at time.Time) rules.Match {
	if m, _, ok := k.rules.AS(of.ASN, of.Name, at); ok {
		return rules.Match{Owner: m.Owner, Why: why + ", which is " + m.Why}
	}
	return rules.Match{Owner: of.Owner, Why: why}
}

// byHandle is what the rules say about the organisation, by its handle in its
// registry.
func (k *attributor) byHandle(a *whois.Answer, at time.Time) (m match) {
	if a.Handle == "" {
		return match{}
	}
	m.Match, m.ok = k.rules.Handle(string(a.Registry), a.Handle, at)
	return m
}

// family is the owner that a registered name stands for, "" for no name.
func (k *attributor) family(at time.Time, names ...string) string {
	if m := k.named(at, names...); m.ok {
		return m.Owner
	}
	return name.Short(names[0])
}

// named is what the rules say about the first of the names that they know.
func (k *attributor) named(at time.Time, names ...string) (m match) {
	for _, n := range names {
		if n == "" {
			continue
		}
		key := nameKey{n, k.rules.Epoch(at)}
		m, seen := k.names[key]
		if !seen {
			m.Match, m.ok = k.rules.Name(at, n)
			remember(k.names, key, m)
		}
		if m.ok {
			return m
		}
	}
	return match{}
}

// system is the owner of the AS that announces an address; the zero system if
// nobody does.
func (k *attributor) system(local source.Fact, at time.Time) system {
	if local.ASN == 0 {
		return system{}
	}
	key := systemKey{local.ASN, local.ASName, k.rules.Epoch(at)}
	s, seen := k.systems[key]
	if !seen {
		var ok bool
		if s.Match, s.byNumber, ok = k.rules.AS(local.ASN, local.ASName, at); !ok {
			s.Match = k.asOwner(local, at)
		}
		remember(k.systems, key, s)
	}
	return s
}

func remember[K comparable, V any](memory map[K]V, key K, value V) {
	if len(memory) >= maxNames {
		clear(memory)
	}
	memory[key] = value
}

func firstOf(names ...string) string {
	for _, n := range names {
		if n != "" {
			return n
		}
	}
	return ""
}

// asOwner is the owner of an AS that no rule knows.
func (k *knowledge) asOwner(local source.Fact, at time.Time) rules.Match {
	if of, why, ok := k.families.AS(local.ASN, local.ASName); ok {
		return k.ofFamily(of, why, at)
	}
	if local.ASName == "" {
		return rules.Match{Owner: "AS" + strconv.FormatUint(uint64(local.ASN), 10), Why: whyASNumber}
	}
	return rules.Match{Owner: name.System(local.ASName), Why: whyASName}
}

// fromData is what the local data says, without an owner. The network is the
// prefix of the data that holds the address.
func fromData(local source.Fact) scan.Facts {
	f := scan.Facts{Country: local.Country, ASN: local.ASN, ASName: local.ASName, OwnerBasis: scan.BasisNone}
	if local.ASN != 0 {
		f.Network = local.Network.String()
		f.OwnerAsOf = local.AsOf
	}
	return f
}

// asOf is when an attribution by the user's rule was true: when the event
// happened, cut to the second, and not later than it was received, whatever the
// device's clock said.
func asOf(e *scan.Event) time.Time {
	at := e.Time
	if !e.Received.IsZero() && at.After(e.Received) {
		at = e.Received
	}
	return at.UTC().Truncate(time.Second)
}
