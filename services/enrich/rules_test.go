package enrich

import (
	"net/netip"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/natsd/natstest"
	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/rdns/rdnstest"
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

// A project is known by its confirmed name in the DNS, where that is asked.
func TestResearchByName(t *testing.T) {
	server, _ := rdnstest.Serve(t, rdnstest.Zone{
		"9.113.0.203.in-addr.arpa.":   rdnstest.PTR("probe-9.census.example.org."),
		"probe-9.census.example.org.": rdnstest.A("203.0.113.9"),
		// A liar: the name does not lead back.
		"10.113.0.203.in-addr.arpa.": rdnstest.PTR("probe-9.census.example.org."),
	})
	cfg := testConfig(t)
	cfg.Research = []string{write(t, "research.yaml", "version: 1\nowners:\n  - name: Example Census\n    hosts: ['*.census.example.org']\n"), None}
	cfg.ReverseDNS.Enabled, cfg.ReverseDNS.Server, cfg.ReverseDNS.PerSecond = true, server, 1000
	b := natstest.Connect(t, natstest.Start(t))
	s, _ := newService(t, cfg, b)
	run(t, s)
	out := read(t, b, bus.StreamEnriched)
	honest, liar := event("203.0.113.9", "2026-07-01"), event("203.0.113.10", "2026-07-01")
	publish(t, b, batchOf(honest, liar))
	if got := out.enriched(t, 2)["203.0.113.9"].Cause; got != scan.CauseScan {
		t.Errorf("before the name is known the cause is %s: events never wait", got)
	}
	eventually(t, "both names", func() bool { return s.names.Pending() == 0 })
	honest.ID, liar.ID = honest.ID+1000, liar.ID+1000
	publish(t, b, batchOf(honest, liar))
	got := out.enriched(t, 4)
	if e := got["203.0.113.9"]; e.Cause != scan.CauseResearch || e.CauseWhy != `Example Census scans for research (research.yaml: host "*.census.example.org": its name is probe-9.census.example.org, confirmed)` {
		t.Errorf("the honest one: %s because %q", e.Cause, e.CauseWhy)
	}
	if e := got["203.0.113.10"]; e.Cause != scan.CauseScan {
		t.Errorf("the liar: %s because %q", e.Cause, e.CauseWhy)
	}
}
