package asn_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/services/enrich/internal/source"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/asn"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/country"
	"github.com/whoknocks/whoknocks/services/internal/assets"
)

func TestLookup(t *testing.T) {
	file := filepath.Join(t.TempDir(), "asn.csv")
	body := "192.0.2.0,192.0.2.255,64496,\"Example  Networks, Inc.\"\n198.51.100.0,198.51.100.255,64497,Other\n" +
		"198.51.101.0,198.51.101.255,AS1,Bad\n203.0.113.0,203.0.113.255,0,Nobody\n2001:db8::,2001:db8::ffff,64496,\"Example  Networks, Inc.\"\n"
	if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	date := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if err := os.Chtimes(file, date, date); err != nil {
		t.Fatal(err)
	}
	s, err := asn.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	f := func(addr string, want source.Fact) {
		t.Helper()
		got, ok := s.Lookup(netip.MustParseAddr(addr))
		if got != want || ok != (want.ASN != 0) {
			t.Errorf("Lookup(%s) = %+v, %v, want %+v", addr, got, ok, want)
		}
	}
	f("192.0.2.9", source.Fact{Network: netip.MustParsePrefix("192.0.2.0/24"), ASN: 64496, ASName: "Example Networks, Inc.", AsOf: date})
	f("198.51.100.9", source.Fact{Network: netip.MustParsePrefix("198.51.100.0/24"), ASN: 64497, ASName: "Other", AsOf: date})
	f("2001:db8::9", source.Fact{Network: netip.MustParsePrefix("2001:db8::/112"), ASN: 64496, ASName: "Example Networks, Inc.", AsOf: date})
	f("198.51.101.9", source.Fact{})
	f("203.0.113.9", source.Fact{}) // AS 0 means that nobody announces it
	if s.Rows() != 4 {
		t.Errorf("Rows() = %d, want 4", s.Rows())
	}
	networks := map[netip.Prefix]source.Fact{}
	for p, f := range s.Networks() {
		networks[p] = f
	}
	if got, want := networks[netip.MustParsePrefix("198.51.100.0/24")], (source.Fact{Network: netip.MustParsePrefix("198.51.100.0/24"), ASN: 64497, ASName: "Other"}); got != want || len(networks) != 3 {
		t.Errorf("Networks() holds %d prefixes and %+v, want 3 and %+v", len(networks), got, want)
	}
	for range s.Networks() {
		break
	}
}

// data finds the fetched files, which a laptop may not have.
func data(tb testing.TB, rel ...string) []string {
	tb.Helper()
	var files []string
	for _, r := range rel {
		file, err := assets.Find(r)
		if err != nil {
			if os.Getenv("CI") == "true" {
				tb.Fatal(err)
			}
			tb.Skipf("the IP data has not been fetched: %v", err)
		}
		files = append(files, file)
	}
	return files
}

func asnFiles(tb testing.TB) []string {
	tb.Helper()
	return data(tb, "@ip-location-db/asn/asn-ipv4.csv", "@ip-location-db/asn/asn-ipv6.csv")
}

func countryFiles(tb testing.TB) []string {
	tb.Helper()
	const dir = "@ip-location-db/geo-whois-asn-country/geo-whois-asn-country-"
	return data(tb, dir+"ipv4.csv", dir+"ipv6.csv")
}

// TestRealData holds the loaded data to its budget: 150 MB with the countries.
func TestRealData(t *testing.T) {
	af, cf := asnFiles(t), countryFiles(t)
	before := heap()
	start := time.Now()
	a, err := asn.Load(af...)
	if err != nil {
		t.Fatal(err)
	}
	c, err := country.Load(cf...)
	if err != nil {
		t.Fatal(err)
	}
	took, held := time.Since(start), heap()-before
	t.Logf("%d AS rows and %d country rows in %v, %d MiB held, as of %s", a.Rows(), c.Rows(), took, held>>20, a.AsOf().Format(time.DateOnly))
	if held > 150<<20 {
		t.Errorf("the data holds %d MiB, want at most 150", held>>20)
	}
	if a.Rows() < 500_000 || c.Rows() < 500_000 {
		t.Errorf("rows = %d and %d, want half a million each", a.Rows(), c.Rows())
	}
	if f, ok := a.Lookup(netip.MustParseAddr("8.8.8.8")); !ok || f.ASN != 15169 {
		t.Errorf("Lookup(8.8.8.8) = %+v, %v", f, ok)
	}
	if f, ok := c.Lookup(netip.MustParseAddr("8.8.8.8")); !ok || f.Country != "US" {
		t.Errorf("country of 8.8.8.8 = %+v, %v", f, ok)
	}
	runtime.KeepAlive(a)
	runtime.KeepAlive(c)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkLoad(b *testing.B) {
	files := asnFiles(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := asn.Load(files...); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	s, err := asn.Load(asnFiles(b)...)
	if err != nil {
		b.Fatal(err)
	}
	addr := netip.AddrFrom4([4]byte{1, 0, 0, 0})
	b.ReportAllocs()
	for b.Loop() {
		s.Lookup(addr)
		a := addr.As4()
		a[0], a[1] = a[0]+7, a[1]+31
		addr = netip.AddrFrom4(a)
	}
}
