package enrich

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois"
)

func TestRevise(t *testing.T) {
	cfg := testConfig(t)
	s, _ := newService(t, cfg, nil)
	at := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	answer := func(registrant, network string, asked time.Time) whois.Answer {
		p := netip.MustParsePrefix(network)
		return whois.Answer{First: p.Addr(), Last: p.Addr().Next(), Network: network, Registrant: registrant, Netname: "NET", Country: "NL", Asked: asked}
	}
	kept := func(a whois.Answer) { s.answers.Put(a.Block(), &a) }
	kept(answer("Later Ltd", "192.0.2.16/28", at.AddDate(1, 0, 0)))
	f := func(name, src string, stored scan.Facts, want scan.Facts) scan.Facts {
		t.Helper()
		revise := s.Revise()
		addr := netip.MustParseAddr(src)
		got := revise(&stored, addr, at)
		if diff := cmp.Diff(want, got.Facts); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
		if again := revise(&got.Facts, addr, at); again.Differs(&got.Facts) {
			t.Errorf("%s: a second time it is something else\n%s", name, cmp.Diff(got.Facts, again.Facts))
		}
		return got.Facts
	}
	later := scan.Facts{Network: "192.0.2.16/28", Registrant: "Later Ltd", Netname: "NET", Country: "NL", Owner: "Later", OwnerWhy: whyRegistrant,
		Carrier: "Big Telecom", ASN: 64496, ASName: "Example Telecom, Inc.", OwnerBasis: scan.BasisWHOIS, OwnerAsOf: at.AddDate(1, 0, 0)}
	then := later
	then.Registrant, then.Owner, then.OwnerAsOf = "Then Ltd", "Then", at.AddDate(0, 0, 3)
	old := then
	old.OwnerAsOf = at.AddDate(0, 6, 0)

	byAS := scan.Facts{Network: "192.0.2.0/24", Owner: "Example Telecom", OwnerWhy: "gone", ASN: 64496, ASName: "Example Telecom, Inc.", Country: "SE", OwnerBasis: scan.BasisASN, OwnerAsOf: at}
	f("what was known by AS gets the answer", "192.0.2.16", byAS, later)
	f("an answer of the time stays", "192.0.2.16", then, then)
	f("one of neither time gives way to a later one", "192.0.2.16", old, later)

	// The name of the AS at the time stays, and gets the family of now.
	renamed := byAS
	renamed.ASName = "Example CDN Ltd"
	want := renamed
	want.Owner, want.OwnerWhy = "Example CDN", `owners.yaml: name "Example CDN*"`
	f("the AS of the time", "192.0.2.200", renamed, want)
	big := byAS
	big.Owner, big.OwnerWhy = "Big Telecom", `owners.yaml: name "Example Telecom*"`
	f("the family of now", "192.0.2.200", byAS, big)

	mine := scan.Facts{Network: "198.51.100.128/25", Owner: "Mine", OwnerWhy: "owners.yaml: prefix 198.51.100.128/25", Country: "DE", ASN: 64497, ASName: "Example Cloud GmbH", Carrier: "Example Cloud", OwnerBasis: scan.BasisOverride}
	f("a rule", "198.51.100.200", scan.Facts{Owner: "x", OwnerBasis: scan.BasisWHOIS, OwnerAsOf: at}, mine)
	free := scan.Facts{Network: "203.0.113.0/25", Owner: "Numbered", OwnerWhy: "owners.yaml: AS64498", Country: "JP", ASN: 64498, OwnerBasis: scan.BasisOverride, OwnerAsOf: dataDate}
	f("a rule that is no more", "203.0.113.5", scan.Facts{Owner: "Gone", OwnerBasis: scan.BasisOverride, OwnerAsOf: at}, free)
	f("nobody", "203.0.113.250", scan.Facts{OwnerBasis: scan.BasisNone}, scan.Facts{Country: "JP", OwnerBasis: scan.BasisNone})
}
