package enrich

import (
	"net/netip"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

func TestShippedRulesComeLast(t *testing.T) {
	const mine = `version: 1
owners:
  - name: Mine
    source: this test
    prefixes: [198.51.100.0/25]
`
	f := func(want, addr string, rules ...string) {
		t.Helper()
		cfg := testConfig(t)
		cfg.Rules = rules
		cfg.ASN = []string{write(t, "asn.csv", "198.51.100.0,198.51.100.255,20940,\"Akamai International B.V.\"\n")}
		s, _ := newService(t, cfg, nil)
		e := scan.Event{SrcIP: netip.MustParseAddr(addr), Time: time.Now(), Direction: scan.DirectionIn}
		if got := s.Explain(t.Context(), &e).Owner; got != want {
			t.Errorf("owner of %s with rules %q = %q, want %q", addr, rules, got, want)
		}
	}
	own := write(t, "mine.yaml", mine)
	f("Akamai", "198.51.100.7")
	f("Mine", "198.51.100.7", own)
	f("Akamai", "198.51.100.200", own)
	f("Akamai International", "198.51.100.7", None)
}

// A research project is known by where it scans from, or by who it is, in the
// time that its entry is valid.
func TestResearch(t *testing.T) {
	cfg := testConfig(t)
	cfg.ASN = []string{write(t, "asn.csv", "198.51.100.0,198.51.100.255,64499,\"Example Research Ltd\"\n203.0.113.0,203.0.113.255,64500,Hoster\n")}
	s, _ := newService(t, cfg, nil)
	f := func(addr, day string, want scan.Cause, why string) {
		t.Helper()
		at, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		e := scan.Event{SrcIP: netip.MustParseAddr(addr), Time: at, Direction: scan.DirectionIn, Proto: "tcp", TCPFlags: scan.Some(scan.SYN)}
		if got := s.Explain(t.Context(), &e); got.Cause != want || why != "" && got.CauseWhy != why {
			t.Errorf("%s on %s: %s because %q, want %s because %q", addr, day, got.Cause, got.CauseWhy, want, why)
		}
	}
	f("203.0.113.65", "2026-01-01", scan.CauseResearch, "Example Census scans for research (research.yaml: prefix 203.0.113.64/29)")
	f("203.0.113.65", "2019-01-01", scan.CauseScan, "")
	f("203.0.113.1", "2026-01-01", scan.CauseScan, "")
	f("198.51.100.1", "2026-01-01", scan.CauseResearch, `Example Census scans for research (research.yaml: name "Example Research*")`)
}

// What ships is well formed, and knows the largest projects.
func TestShippedResearch(t *testing.T) {
	cfg := testConfig(t)
	cfg.Research = nil
	s, _ := newService(t, cfg, nil)
	for _, addr := range []string{"162.142.125.7", "71.6.165.200", "184.105.139.70", "2602:80d:1003::1"} {
		e := scan.Event{SrcIP: netip.MustParseAddr(addr), Time: time.Now(), Direction: scan.DirectionIn, Proto: "tcp", TCPFlags: scan.Some(scan.SYN)}
		if got := s.Explain(t.Context(), &e); got.Cause != scan.CauseResearch {
			t.Errorf("%s: %s because %q", addr, got.Cause, got.CauseWhy)
		}
	}
}
