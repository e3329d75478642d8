package block

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"
)

func TestString(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		b, err := Parse(in)
		if err != nil {
			t.Fatalf("Parse(%q) = %v", in, err)
		}
		if got := b.String(); got != want {
			t.Errorf("Parse(%q).String() = %q, want %q", in, got, want)
		}
	}
	f("192.0.2.0 - 192.0.2.255", "192.0.2.0/24")
	f("192.0.2.7", "192.0.2.7/32")
	f("192.0.2.7/24", "192.0.2.0/24")
	f("192.0.2.1-192.0.2.255", "192.0.2.1-192.0.2.255")
	f("198.51.100.0-198.51.102.255", "198.51.100.0-198.51.102.255")
	f("0.0.0.0-255.255.255.255", "0.0.0.0/0")
	f("2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::/32")
	f("::/0", "::/0")
	f("::ffff:192.0.2.0-192.0.2.1", "192.0.2.0/31")
}

func TestParseRefuses(t *testing.T) {
	for _, in := range []string{"", "-", "192.0.2.0/33", "192.0.2.9-192.0.2.1", "192.0.2.0-2001:db8::", "fe80::1%eth0", "200.57.128/19", "x-y"} {
		if b, err := Parse(in); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", in, b)
		}
	}
	if _, err := Parse("192.0.2.9-192.0.2.1"); !errors.Is(err, ErrOrder) {
		t.Errorf("Parse() of a reversed range = %v, want ErrOrder", err)
	}
}

func TestAppendPrefixes(t *testing.T) {
	f := func(in string, want ...string) {
		t.Helper()
		b, err := Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		got := b.AppendPrefixes(nil)
		if len(got) != len(want) {
			t.Fatalf("%s gave %v, want %v", in, got, want)
		}
		for i := range got {
			if got[i].String() != want[i] {
				t.Errorf("%s gave %v, want %v", in, got, want)
			}
		}
	}
	f("23.32.0.0-23.67.255.255", "23.32.0.0/11", "23.64.0.0/14")
	f("0.0.0.0-255.255.255.255", "0.0.0.0/0")
	f("255.255.255.254-255.255.255.255", "255.255.255.254/31")
	f("2001:db8::1-2001:db8::4", "2001:db8::1/128", "2001:db8::2/127", "2001:db8::4/128")
}

// TestPrefixesCoverExactly checks the decomposition against counting.
func TestPrefixesCoverExactly(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		base := rnd.Uint32() &^ 0xFFFF
		a, z := base+rnd.Uint32N(3000), base+rnd.Uint32N(3000)
		if z < a {
			a, z = z, a
		}
		b := Block{First: v4(a), Last: v4(z)}
		next := b.First
		for _, p := range b.AppendPrefixes(nil) {
			if p.Addr() != next || p != p.Masked() {
				t.Fatalf("%v: prefix %v begins elsewhere than at %v", b, p, next)
			}
			next = Of(p).Last.Next()
		}
		if next != b.Last.Next() {
			t.Fatalf("%v: prefixes end before %v", b, next)
		}
	}
}

func TestSizes(t *testing.T) {
	p := func(s string) Block {
		b, err := Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if !p("192.0.2.0/25").Narrower(p("192.0.2.0/24")) || p("192.0.2.0/24").Narrower(p("198.51.100.0/24")) {
		t.Error("Narrower() compares sizes wrongly")
	}
	if p("2001:db8::/64").Narrower(p("192.0.2.0/24")) || p("192.0.2.0/24").Narrower(p("2001:db8::/64")) {
		t.Error("Narrower() compares two families")
	}
	if p("10.0.0.0/8").Wider(8, 19) || !p("10.0.0.0-11.0.0.0").Wider(8, 19) || !p("2001::/18").Wider(8, 19) {
		t.Error("Wider() is wrong at its edge")
	}
	if !p("192.0.2.0/24").Covers(p("192.0.2.16/28")) || p("192.0.2.16/28").Covers(p("192.0.2.0/24")) || p("192.0.2.0/24").Contains(netip.MustParseAddr("2001:db8::1")) {
		t.Error("Covers() or Contains() is wrong")
	}
}

func v4(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"192.0.2.0/24", "192.0.2.0 - 192.0.2.255", "2001:db8::1-2001:db8::4", "::/0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, err := Parse(s)
		if err != nil {
			return
		}
		again, err := Parse(b.String())
		if err != nil || again != b {
			t.Fatalf("Parse(%q) = %v, which parses to %v, %v", s, b, again, err)
		}
		if n := len(b.AppendPrefixes(nil)); n == 0 || n > 254 {
			t.Fatalf("Parse(%q) has %d prefixes", s, n)
		}
	})
}
