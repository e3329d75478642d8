package clickhouse

import (
	"net/netip"
	"testing"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

func TestNarrower(t *testing.T) {
	f := func(inner, first, last string, want bool) {
		t.Helper()
		if got := narrower(inner, netip.MustParseAddr(first), netip.MustParseAddr(last)); got != want {
			t.Errorf("narrower(%q, %s, %s) = %v, want %v", inner, first, last, got, want)
		}
	}
	f("192.0.2.0/25", "192.0.2.0", "192.0.2.255", true)
	f("192.0.2.128/25", "192.0.2.0", "192.0.2.255", true)
	f("192.0.2.5/32", "192.0.2.0", "192.0.2.255", true)
	f("192.0.2.0/24", "192.0.2.0", "192.0.2.255", false) // the same block
	f("192.0.2.0-192.0.2.255", "192.0.2.0", "192.0.2.255", false)
	f("192.0.2.0-192.0.2.254", "192.0.2.0", "192.0.2.255", true)
	f("192.0.2.1 - 192.0.2.255", "192.0.2.0", "192.0.2.255", true)
	f("192.0.0.0/16", "192.0.2.0", "192.0.2.255", false)
	f("192.0.3.0/25", "192.0.2.0", "192.0.2.255", false)
	f("192.0.2.200-192.0.3.1", "192.0.2.0", "192.0.2.255", false)
	f("192.0.2.77/25", "192.0.2.0", "192.0.2.255", true) // host bits set
	f("2001:db8::/48", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", true)
	f("2001:db8::/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", false)
	f("2001:db8::/31", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", false)
	f("192.0.2.0/25", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false)
	f("", "192.0.2.0", "192.0.2.255", false)
	f("Example Networks", "192.0.2.0", "192.0.2.255", false)
	f("192.0.2.9-192.0.2.1", "192.0.2.0", "192.0.2.255", false)
	f("192.0.2.1-2001:db8::1", "192.0.2.0", "192.0.2.255", false)
}

func TestRank(t *testing.T) {
	order := []scan.Basis{scan.BasisNone, scan.BasisASN, scan.BasisWHOIS, scan.BasisOverride}
	for i, b := range order[1:] {
		if rank(b) <= rank(order[i]) {
			t.Errorf("rank(%q) = %d, not above rank(%q) = %d", b, rank(b), order[i], rank(order[i]))
		}
	}
	if rank(scan.BasisWHOIS) != rank(scan.BasisRDAP) {
		t.Error("WHOIS and RDAP differ in rank")
	}
	if rank("") != 0 || rank("new in a later version") != 0 {
		t.Error("an unknown basis has a rank")
	}
}
