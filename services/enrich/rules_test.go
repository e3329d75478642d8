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
