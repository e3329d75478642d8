package scan

import (
	"net/netip"
	"testing"
)

// notPublic is the slow and obvious rule.
var notPublic = []string{
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
	"198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4", "::/128", "::1/128", "fc00::/7", "fe80::/10", "ff00::/8",
}

// TestPublic asks for the first and last address of each range and for their
// neighbours outside.
func TestPublic(t *testing.T) {
	var ranges []netip.Prefix
	for _, s := range notPublic {
		ranges = append(ranges, netip.MustParsePrefix(s))
	}
	want := func(a netip.Addr) bool {
		for _, p := range ranges {
			if p.Contains(a) {
				return false
			}
		}
		return a.IsValid()
	}
	for _, p := range ranges {
		last := lastOf(p)
		for _, a := range []netip.Addr{p.Addr().Prev(), p.Addr(), last.Prev(), last, last.Next()} {
			if got := Public(a); got != want(a) {
				t.Errorf("Public(%v) = %v at the edge of %v", a, got, p)
			}
		}
	}

	f := func(in string, want bool) {
		t.Helper()
		if got := Public(netip.MustParseAddr(in)); got != want {
			t.Errorf("Public(%s) = %v, want %v", in, got, want)
		}
	}
	f("192.0.2.1", true) // documentation
	f("198.51.100.1", true)
	f("203.0.113.1", true)
	f("2001:db8::1", true)
	f("::ffff:203.0.113.1", true)
	f("::ffff:10.0.0.1", false)
	f("255.255.255.255", false)
	f("fe80::1%eth0", false)
	f("2001:db8::1%eth0", true)
	if Public(netip.Addr{}) {
		t.Error("Public(zero) = true")
	}
}

func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

func TestKnock(t *testing.T) {
	f := func(d Direction, src string, want bool) {
		t.Helper()
		e := Event{Direction: d, SrcIP: netip.MustParseAddr(src)}
		if got := e.Knock(); got != want {
			t.Errorf("Knock() of %s from %s = %v, want %v", d, src, got, want)
		}
	}
	f(DirectionIn, "203.0.113.1", true)
	f(DirectionUnknown, "203.0.113.1", true)
	f(DirectionOut, "203.0.113.1", false)
	f(DirectionLocal, "203.0.113.1", false)
	f("", "203.0.113.1", false)
	f(DirectionIn, "192.168.1.1", false)
	f(DirectionUnknown, "fe80::1", false)
	if (&Event{Direction: DirectionIn}).Knock() {
		t.Error("Knock() of an event without a source = true")
	}
}
