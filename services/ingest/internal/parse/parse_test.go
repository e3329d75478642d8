package parse

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

func TestAddr(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		a, ok := Addr(in)
		if got := a.String(); ok != (want != "") || ok && got != want {
			t.Errorf("Addr(%q) = %s, %v; want %q", in, got, ok, want)
		}
	}
	f("192.0.2.1", "192.0.2.1")
	f("0.0.0.0", "0.0.0.0")
	f("255.255.255.255", "255.255.255.255")
	f("::ffff:192.0.2.1", "192.0.2.1")
	f("2001:0db8:0000:0000:0000:0000:0000:0002", "2001:db8::2")
	f("[2001:db8::2]", "2001:db8::2")
	f("fe80::1%eth0", "fe80::1")
	for _, bad := range []string{"", ".", "1.2.3", "1.2.3.4.5", "1.2.3.256", "66.77.88.257", "01.2.3.4", "00192.0.2.100", "1.2.3.", "1..2.3", "1.2.3.4 ", "x.x.1.2", "router", "[]", "1.2.3.4:5"} {
		f(bad, "")
	}
}

// v4 is compared with what it is a short cut for.
func FuzzAddr(f *testing.F) {
	for _, s := range []string{"192.0.2.1", "2001:db8::1", "1.2.3.256", "010.1.1.1", "::ffff:1.2.3.4", "fe80::1%e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, ok := v4(in)
		want, err := netip.ParseAddr(in)
		if ok != (err == nil && want.Is4()) || ok && got != want {
			t.Errorf("v4(%q) = %v, %v; want %v, %v", in, got, ok, want, err)
		}
	})
}

func TestSource(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if _, err := Source(in); err == nil || err.Error() != want {
			t.Errorf("Source(%q) error = %v, want %q", in, err, want)
		}
	}
	f("", "source address is missing")
	f("-", "source address is missing")
	f("x.x.248.106", `source address is masked: "x.x.248.106"`)
	f("101.85.*.*", `source address is masked: "101.85.*.*"`)
	f("(ip-address from far away)", `source address is masked: "(ip-address from far away)"`)
	f("66.77.88.257", `source address is impossible: "66.77.88.257"`)
	f("xxx.xxx.xxx.xxx", `source address is masked: "xxx.xxx.xxx.xxx"`)
	f("mail-1.example.net", `source is a name, not an address: "mail-1.example.net"`)
	f("NGINX2", `source is a name, not an address: "NGINX2"`)
	f("two words", `source address is masked: "two words"`)
	f("fe80::g", `source address is impossible: "fe80::g"`)
	if _, err := Source(strings.Repeat("9", 1000)); len(err.Error()) > 120 {
		t.Errorf("Source(long) error has %d bytes, want it cut", len(err.Error()))
	}
}

func TestProto(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := Proto(in); got != want {
			t.Errorf("Proto(%q) = %q, want %q", in, got, want)
		}
	}
	f("TCP", "tcp")
	f("Udp", "udp")
	f("ICMPv6", "icmpv6")
	f("IPv6-ICMP", "icmpv6")
	f("icmp6", "icmpv6")
	f("2", "igmp")
	f("47", "gre")
	f("58", "icmpv6")
	f("162", "162")
	f("0", "0")
	f("255", "255")
	f("256", "")
	f("007", "")
	f("TC", "")
	f("", "")
}

func TestNumbers(t *testing.T) {
	if p := Port("65535"); !p.OK || p.V != 65535 {
		t.Errorf("Port(65535) = %v", p)
	}
	for _, bad := range []string{"", "65536", "-1", "1x", "99999999999999999999999"} {
		if p := Port(bad); p.OK {
			t.Errorf("Port(%q) = %v, want absent", bad, p)
		}
	}
	if b := Byte("256"); b.OK {
		t.Errorf("Byte(256) = %v, want absent", b)
	}
	if n, ok := Count("0"); ok {
		t.Errorf("Count(0) = %d, want absent", n)
	}
}

func TestDirection(t *testing.T) {
	f := func(src, dst string, want scan.Direction) {
		t.Helper()
		var d netip.Addr
		if dst != "" {
			d = netip.MustParseAddr(dst)
		}
		if got := Direction(netip.MustParseAddr(src), d); got != want {
			t.Errorf("Direction(%s, %s) = %s, want %s", src, dst, got, want)
		}
	}
	f("192.0.2.1", "198.51.100.1", scan.DirectionIn)
	f("192.0.2.1", "", scan.DirectionIn)
	f("192.168.0.1", "198.51.100.1", scan.DirectionOut)
	f("192.168.0.1", "192.168.0.255", scan.DirectionLocal)
	f("0.0.0.0", "255.255.255.255", scan.DirectionLocal)
	f("192.168.0.1", "", scan.DirectionLocal)
}
