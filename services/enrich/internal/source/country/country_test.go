package country

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
)

func TestLookup(t *testing.T) {
	file := filepath.Join(t.TempDir(), "country.csv")
	body := "192.0.2.0,192.0.2.255,NL\n198.51.100.0,198.51.100.255,\"us\"\n203.0.113.0,203.0.113.255,EU\n2001:db8::,2001:db8::ffff,NL\n"
	if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	f := func(addr, want string) {
		t.Helper()
		got, ok := s.Lookup(netip.MustParseAddr(addr))
		if got.Country != want || ok != (want != "") || ok && got.AsOf.IsZero() {
			t.Errorf("Lookup(%s) = %+v, %v, want %q", addr, got, ok, want)
		}
	}
	f("192.0.2.1", "NL")
	f("198.51.100.1", "US")
	f("203.0.113.1", "") // a region is no country
	f("2001:db8::1", "NL")
	f("2001:db9::1", "")
}
