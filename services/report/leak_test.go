package report

import (
	"net/netip"
	"strings"
	"testing"
)

func TestConceal(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := conceal(in); got != want {
			t.Errorf("conceal(%q) = %q, want %q", in, got, want)
		}
		if got := leak(in); (got != "") != (in != want) {
			t.Errorf("leak(%q) = %q", in, got)
		}
	}
	f("", "")
	f("Akamai", "Akamai")
	f("192.0.2.1", "[address]")
	f("Customer 192.0.2.1, and 198.51.100.22.", "Customer [address], and [address].")
	f("192.0.2.1 192.0.2.2", "[address] [address]")
	f("host203.0.113.5x", "host[address]x")
	f("203-0-113-5.dsl.example", "[address].dsl.example")
	f("x_203_0_113_5", "x_[address]")
	f("5.113.0.203.in-addr.arpa", "[address].in-addr.arpa")
	f("192.000.002.001", "[address]")
	f("9999.192.0.2.1", "[address]")
	f("300.1.2.3", "300.1.2.3")
	f("2012-04-10 18:22:01", "2012-04-10 18:22:01")
	f("10 Apr 2012, 18:22:01", "10 Apr 2012, 18:22:01")
	f("192.0.2.a", "192.0.2.a")
	f("2001:db8:1:*:a", "2001:db8:1:*:a")
	f("1,234,567 of 3.25", "1,234,567 of 3.25")
	f("2001:db8::1", "[address]")
	f("Customer 2001:DB8::1: x", "Customer [address] x")
	f("is:2001:db8::1", "is[address]")
	f("face2001:db8::1", "[address]")
	f("fe80::1%eth0", "[address]%eth0")
	f("::ffff:192.0.2.1", "[address]")
	f("0:1:192.0.2.1", "0:1:[address]")
	f("2001:db8:0:0:0:0:0:1", "[address]")
	f("2001:db8:0:0:0:0:0", "2001:db8:0:0:0:0:0")
	f("std::vector, li::before, a::", "std::vector, li::before, [address]")
	f("00:53:01:02:00:5e", "00:53:01:02:00:5e")
	if got := leak(`2001\:db8\:\:1`); got == "" {
		t.Error("what Markdown escapes is an address still")
	}
}

// No address gets by, whatever stands around it, and no masked one is taken for it.
func FuzzConceal(f *testing.F) {
	f.Add(netip.MustParseAddr("192.0.2.1").AsSlice(), "host", "x")
	f.Add(netip.MustParseAddr("2001:db8::1").AsSlice(), "face:", ":")
	f.Fuzz(func(t *testing.T, bytes []byte, before, behind string) {
		addr, ok := netip.AddrFromSlice(bytes)
		if !ok || addr.IsUnspecified() {
			return
		}
		s := conceal(before + " " + addr.String() + " " + behind)
		if strings.Contains(" "+s+" ", " "+addr.String()+" ") && !strings.Contains(before+behind, addr.String()) {
			t.Errorf("%s is still in %q", addr, s)
		}
		if found := leak(s); found != "" {
			t.Errorf("%q is left in %q", found, s)
		}
		masked := Sources{Rows: []SourceRow{{Addr: addr.Unmap()}}}.Mask()
		if found := leak(masked.Rows[0].Address); found != "" {
			t.Errorf("%q is taken for an address", found)
		}
	})
}
