package enrich

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/enrich/internal/block"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois"
)

// answerFor is a registry's answer about a block, of a day in 2026.
func answerFor(t testing.TB, cidr string, change func(*whois.Answer)) *whois.Answer {
	t.Helper()
	b, err := block.Parse(cidr)
	if err != nil {
		t.Fatal(err)
	}
	a := &whois.Answer{First: b.First, Last: b.Last, Network: b.String(), Asked: time.Now().UTC().Truncate(time.Second)}
	change(a)
	return a
}

func TestAttribute(t *testing.T) {
	s, _ := newService(t, testConfig(t), nil)
	put := func(cidr string, change func(*whois.Answer)) {
		s.answers.Put(answerFor(t, cidr, change).Block(), answerFor(t, cidr, change))
	}
	noon := func(day string) time.Time { return event("192.0.2.1", day).Time.Truncate(time.Second) }
	f := func(name, src, day string, want scan.Facts) {
		t.Helper()
		e := event(src, day)
		got := s.Explain(t.Context(), &e)
		if got.Cause != scan.CauseScan || got.CauseWhy == "" {
			t.Errorf("%s: cause %q because %q", name, got.Cause, got.CauseWhy)
		}
		got.Cause, got.CauseWhy = "", ""
		if want.OwnerBasis == scan.BasisWHOIS && time.Since(got.OwnerAsOf) < time.Minute {
			want.OwnerAsOf = got.OwnerAsOf
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: facts mismatch (-want +got)\n%s", name, diff)
		}
	}
	telecom := scan.Facts{Network: "192.0.2.0/24", Owner: "Big Telecom", Country: "SE", ASN: 64496, ASName: "Example Telecom, Inc.",
		OwnerBasis: scan.BasisASN, OwnerAsOf: dataDate, OwnerWhy: `owners.yaml: name "Example Telecom*"`}

	f("prefix rule, years before the data", "198.51.100.9", "2012-04-10", scan.Facts{Network: "198.51.100.0/25", Owner: "Example CDN",
		Registrant: "Example CDN, Inc.", Netname: "EX-CDN", Country: "JP", Carrier: "Old Carrier",
		OwnerBasis: scan.BasisOverride, OwnerAsOf: noon("2012-04-10"), OwnerWhy: "owners.yaml: prefix 198.51.100.0/25"})
	f("the same prefix after the rule's time", "198.51.100.9", "2013-01-01", scan.Facts{Network: "198.51.100.0/24", Owner: "Example Cloud", Country: "DE",
		ASN: 64497, ASName: "Example Cloud GmbH", OwnerBasis: scan.BasisASN, OwnerAsOf: dataDate, OwnerWhy: whyASName})
	f("prefix rule without time", "198.51.100.200", "2012-04-10", scan.Facts{Network: "198.51.100.128/25", Owner: "Mine", Country: "DE", Carrier: "Example Cloud",
		ASN: 64497, ASName: "Example Cloud GmbH", OwnerBasis: scan.BasisOverride, OwnerAsOf: noon("2012-04-10"), OwnerWhy: "owners.yaml: prefix 198.51.100.128/25"})
	f("AS rule", "203.0.113.5", "2026-07-01", scan.Facts{Network: "203.0.113.0/25", Owner: "Numbered", Country: "JP", ASN: 64498,
		OwnerBasis: scan.BasisOverride, OwnerAsOf: dataDate, OwnerWhy: "owners.yaml: AS64498"})
	f("AS name of a family", "192.0.2.1", "2026-07-01", telecom)
	f("country only", "203.0.113.201", "2026-07-01", scan.Facts{Country: "JP", OwnerBasis: scan.BasisNone})
	f("nothing", "100.1.2.3", "2026-07-01", scan.Facts{OwnerBasis: scan.BasisNone})

	put("192.0.2.0/28", func(a *whois.Answer) {
		a.Registrant, a.Netname, a.Country, a.Route = "Example CDN International B.V.", "EXCDN-PA", "NL", "Example Telecom Backbone"
	})
	f("a cache in a carrier's space", "192.0.2.1", "2026-07-01", scan.Facts{Network: "192.0.2.0/28", Owner: "Example CDN", Registrant: "Example CDN International B.V.",
		Netname: "EXCDN-PA", Country: "NL", Carrier: "Big Telecom", ASN: 64496, ASName: "Example Telecom, Inc.",
		OwnerBasis: scan.BasisWHOIS, OwnerWhy: `owners.yaml: name "Example CDN*"`})
	put("192.0.2.16/28", func(a *whois.Answer) { a.Registrant, a.Netname = "EXCDN-2", "EXCDN-2" })
	f("known by its net name", "192.0.2.17", "2026-07-01", scan.Facts{Network: "192.0.2.16/28", Owner: "Example CDN", Registrant: "EXCDN-2",
		Netname: "EXCDN-2", Country: "SE", Carrier: "Big Telecom", ASN: 64496, ASName: "Example Telecom, Inc.",
		OwnerBasis: scan.BasisWHOIS, OwnerWhy: `owners.yaml: name "EXCDN-*"`})
	put("192.0.2.32/28", func(a *whois.Answer) { a.Registrant, a.Parent = "Unheard Of s.r.o.", "Small Carrier Ltd" })
	f("a registrant without a rule", "192.0.2.33", "2026-07-01", scan.Facts{Network: "192.0.2.32/28", Owner: "Unheard Of", Registrant: "Unheard Of s.r.o.",
		Country: "SE", Carrier: "Small Carrier", ASN: 64496, ASName: "Example Telecom, Inc.", OwnerBasis: scan.BasisWHOIS, OwnerWhy: whyRegistrant})
	put("192.0.2.48/28", func(a *whois.Answer) {
		a.Registrant, a.Netname, a.Private, a.Parent = "Private Customer", "X-1", true, "Small Carrier Ltd"
	})
	f("a person", "192.0.2.49", "2026-07-01", scan.Facts{Network: "192.0.2.48/28", Owner: "private customer of Small Carrier", Registrant: "Private Customer", Netname: "X-1",
		Country: "SE", Carrier: "Small Carrier", ASN: 64496, ASName: "Example Telecom, Inc.", OwnerBasis: scan.BasisWHOIS, OwnerWhy: whyPrivate})
	put("192.0.2.64/28", func(a *whois.Answer) { a.Registrant = "Example Telecom" })
	f("the carrier itself", "192.0.2.65", "2026-07-01", scan.Facts{Network: "192.0.2.64/28", Owner: "Big Telecom", Registrant: "Example Telecom",
		Country: "SE", ASN: 64496, ASName: "Example Telecom, Inc.", OwnerBasis: scan.BasisWHOIS, OwnerWhy: `owners.yaml: name "Example Telecom*"`})
	put("192.0.2.80/28", func(a *whois.Answer) { a.None, a.Network = true, "" })
	f("no registry knows", "192.0.2.81", "2026-07-01", telecom)
	put("192.0.2.96/28", func(a *whois.Answer) {})
	f("an answer that names nobody", "192.0.2.97", "2026-07-01", telecom)
	put("203.0.113.0/28", func(a *whois.Answer) { a.Registrant = "Somebody" })
	f("AS rule goes before a registry", "203.0.113.5", "2026-07-01", scan.Facts{Network: "203.0.113.0/25", Owner: "Numbered", Country: "JP", ASN: 64498,
		OwnerBasis: scan.BasisOverride, OwnerAsOf: dataDate, OwnerWhy: "owners.yaml: AS64498"})
}

func TestAttributionIsOfKnocksOnly(t *testing.T) {
	s, _ := newService(t, testConfig(t), nil)
	f := func(name string, known bool, change func(*scan.Event)) {
		t.Helper()
		e := event("192.0.2.1", "2026-07-01")
		change(&e)
		got := s.Explain(t.Context(), &e)
		if (got.Owner != "") != known || got.OwnerBasis == "" || got.Cause == "" {
			t.Errorf("%s: %+v", name, got)
		}
		if !known && (got.ASN != 0 || got.Network != "" || got.Country != "" || got.OwnerBasis != scan.BasisNone) {
			t.Errorf("%s has facts of its source: %+v", name, got)
		}
	}
	f("in", true, func(*scan.Event) {})
	f("unknown", true, func(e *scan.Event) { e.Direction = scan.DirectionUnknown })
	f("out", false, func(e *scan.Event) { e.Direction = scan.DirectionOut })
	f("local", false, func(e *scan.Event) { e.Direction = scan.DirectionLocal })
	f("private source", false, func(e *scan.Event) { e.SrcIP = netip.MustParseAddr("192.168.1.2") })
}

func TestAsOf(t *testing.T) {
	f := func(at, received, want string) {
		t.Helper()
		parse := func(s string) (x time.Time) {
			if s != "" {
				x, _ = time.Parse(time.RFC3339, s)
			}
			return x
		}
		e := scan.Event{Time: parse(at), Received: parse(received)}
		if got := asOf(&e); !got.Equal(parse(want)) {
			t.Errorf("asOf(%s, received %s) = %v, want %s", at, received, got, want)
		}
	}
	f("2012-04-10T12:00:00.345Z", "2026-01-01T00:00:00Z", "2012-04-10T12:00:00Z")
	f("2030-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z") // a clock that runs ahead
	f("2012-04-10T12:00:00Z", "", "2012-04-10T12:00:00Z")
}

func TestStaleAnswersServeWhileTheyAreAskedFor(t *testing.T) {
	cfg := testConfig(t)
	s, _ := newService(t, cfg, nil)
	old := answerFor(t, "192.0.2.0/28", func(a *whois.Answer) { a.Registrant, a.Asked = "Example CDN", time.Now().Add(-cfg.WHOIS.Keep) })
	s.answers.Put(old.Block(), old)
	addr := netip.MustParseAddr("192.0.2.1")
	answer, fresh := s.answer(addr, time.Now())
	if answer == nil || fresh || (finder{s}).Known(addr) {
		t.Fatalf("answer() = %v, fresh %v", answer, fresh)
	}
	got := newAttributor(s.known.Load(), &s.kin).attribute(addr, time.Now(), answer, fresh)
	if got.facts.OwnerBasis != scan.BasisWHOIS || !got.ask {
		t.Errorf("attribute() = %+v, want the old answer and a question", got)
	}
	none := answerFor(t, "192.0.2.16/28", func(a *whois.Answer) { a.None, a.Asked = true, time.Now().Add(-cfg.WHOIS.KeepNone/2) })
	s.answers.Put(none.Block(), none)
	if !(finder{s}).Known(netip.MustParseAddr("192.0.2.17")) {
		t.Error("that nothing is known does not count as an answer")
	}
}

// Names that are written in different ways are one owner's if the registry gave one
// handle with them, or one mailbox where the words agree, and something else agrees.
func TestKin(t *testing.T) {
	s, _ := newService(t, testConfig(t), nil)
	put := func(cidr, registrant, handle, abuse, country string, hours int) {
		s.take(answerFor(t, cidr, func(a *whois.Answer) {
			a.Registrant, a.Handle, a.Abuse, a.Country, a.Registry = registrant, handle, abuse, country, "ripe"
			a.Asked = a.Asked.Add(time.Duration(hours) * time.Hour)
		}))
	}
	put("203.0.113.128/28", "Firstly Named GmbH", "ORG-F1", "abuse@firstly.example", "DE", -9)
	put("203.0.113.144/28", "Quite Another AG", "ORG-F1", "", "DE", 0)
	put("203.0.113.160/28", "Quite Another AG", "ORG-F1", "", "FR", 0)
	put("203.0.113.176/28", "FIRSTLY NAMED Holding", "ORG-F9", "noc@firstly.example", "FR", 0)
	put("203.0.113.192/28", "Customer of theirs", "ORG-F8", "abuse@firstly.example", "DE", 0)
	f := func(src, owner, why string) {
		t.Helper()
		e := event(src, "2026-07-01")
		if got := s.Explain(t.Context(), &e); got.Owner != owner || got.OwnerWhy != why {
			t.Errorf("%s: owner %q because %q, want %q because %q", src, got.Owner, got.OwnerWhy, owner, why)
		}
	}
	f("203.0.113.129", "Firstly Named", whyRegistrant)
	f("203.0.113.145", "Firstly Named", "same organisation handle ORG-F1 and both in DE as Firstly Named GmbH")
	f("203.0.113.161", "Quite Another", whyRegistrant) // a handle alone
	f("203.0.113.177", "Firstly Named", `same name but for words that tell little, "firstly named" and same abuse mailbox domain firstly.example as Firstly Named GmbH`)
	f("203.0.113.193", "Customer of theirs", whyRegistrant) // a mailbox alone is often the provider's
}
