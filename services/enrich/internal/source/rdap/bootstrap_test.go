package rdap

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/services/enrich/internal/block"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois/reply"
)

func TestHolder(t *testing.T) {
	f := func(addr string, want reply.Registry) {
		t.Helper()
		if got := Holder(netip.MustParseAddr(addr)); got != want {
			t.Errorf("Holder(%s) = %q, want %q", addr, got, want)
		}
	}
	f("192.0.2.1", reply.ARIN)
	f("::ffff:192.0.2.1", reply.ARIN)
	f("203.0.113.1", reply.APNIC)
	f("2.0.0.1", reply.RIPE)
	f("41.0.0.1", reply.AFRINIC)
	f("200.0.0.1", reply.LACNIC)
	f("2001:db8::1", reply.APNIC) // in 2001:c00::/23
	f("2001:1000::1", "")
	f("2a10::1", reply.RIPE)
	f("2630::1%eth0", reply.ARIN)
	f("10.0.0.1", "")
	f("127.0.0.1", "")
	f("224.0.0.1", "")
	f("::1", "")
	if got := Holder(netip.Addr{}); got != "" {
		t.Errorf("Holder of no address = %q", got)
	}
}

// TestHolderIsTheLongest compares the table with reading the lists.
func TestHolderIsTheLongest(t *testing.T) {
	type entry struct {
		prefix netip.Prefix
		holder string
	}
	var all []entry
	for _, list := range [][]byte{ipv4, ipv6} {
		var file struct {
			Version, Publication string
			Services             [][][]string
		}
		if err := json.Unmarshal(list, &file); err != nil || file.Version != "1.0" || file.Publication == "" || len(file.Services) != 5 {
			t.Fatalf("list of %q: version %q, %d services, %v", file.Publication, file.Version, len(file.Services), err)
		}
		for _, s := range file.Services {
			for _, p := range s[0] {
				all = append(all, entry{netip.MustParsePrefix(p), s[1][0]})
			}
		}
	}
	if len(all) != 221+33 {
		t.Errorf("%d prefixes", len(all))
	}
	for _, e := range all {
		b := block.Of(e.prefix)
		for _, addr := range []netip.Addr{b.First, b.Last} {
			best := entry{}
			for _, o := range all {
				if o.prefix.Contains(addr) && (best.holder == "" || o.prefix.Bits() > best.prefix.Bits()) {
					best = o
				}
			}
			if got := boot().bases[Holder(addr)]; got != best.holder {
				t.Errorf("%v is answered for at %q, want %q", addr, got, best.holder)
			}
		}
	}
}

func TestBases(t *testing.T) {
	if diff := cmp.Diff([]string{"afrinic", "apnic", "arin", "lacnic", "nicbr", "ripe"}, Registries()); diff != "" {
		t.Errorf("Registries() mismatch (-want +got)\n%s", diff)
	}
	for r, base := range boot().bases {
		if !strings.HasPrefix(base, "https://") || !strings.HasSuffix(base, "/") {
			t.Errorf("%s is asked at %q", r, base)
		}
	}
}
