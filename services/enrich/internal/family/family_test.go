package family

import (
	"bufio"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/services/enrich/internal/source/asn"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/country"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/rules"
	"github.com/whoknocks/whoknocks/services/internal/assets"
)

type pair struct {
	a, b System
	same bool
	why  string
}

func pairs(tb testing.TB, file string) (list []pair) {
	tb.Helper()
	f, err := os.Open(filepath.Join("testdata", file))
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	system := func(c []string) System {
		n, err := strconv.ParseUint(c[0], 10, 32)
		if err != nil {
			tb.Fatalf("%s: %q: %v", file, c, err)
		}
		return System{ASN: uint32(n), Name: c[1], Countries: strings.Split(c[2], ","), Addresses: 256}
	}
	s := bufio.NewScanner(f)
	for s.Scan() {
		c := strings.Split(s.Text(), "\t")
		if len(c) != 8 {
			tb.Fatalf("%s: %q: want 8 columns", file, s.Text())
		}
		if c[0] != "asn_a" {
			list = append(list, pair{system(c[:3]), system(c[3:6]), c[6] == "1", c[7]})
		}
	}
	if s.Err() != nil || len(list) < 150 {
		tb.Fatalf("%s has %d pairs: %v", file, len(list), s.Err())
	}
	return list
}

// systems are those of the fetched data, which a laptop may not have.
func systems(tb testing.TB) []System {
	tb.Helper()
	var files []string
	for _, rel := range []string{"@ip-location-db/asn/asn-ipv4.csv", "@ip-location-db/geo-whois-asn-country/geo-whois-asn-country-ipv4.csv"} {
		file, err := assets.Find(rel)
		if err != nil {
			if os.Getenv("CI") == "true" {
				tb.Fatal(err)
			}
			tb.Skipf("the IP data has not been fetched: %v", err)
		}
		files = append(files, file)
	}
	as, err := asn.Load(files[0])
	if err != nil {
		tb.Fatal(err)
	}
	c, err := country.Load(files[1])
	if err != nil {
		tb.Fatal(err)
	}
	begin := time.Now()
	list := Systems(as.Networks(), func(a netip.Addr) string {
		f, _ := c.Lookup(a)
		return f.Country
	})
	tb.Logf("%d systems gathered in %v", len(list), time.Since(begin).Round(time.Millisecond))
	return list
}

// TestPairs holds automatic merges to their promise, with the facts of the pairs
// alone and with the whole data.
func TestPairs(t *testing.T) {
	list := pairs(t, "pairs.tsv")
	t.Run("facts", func(t *testing.T) {
		seen := map[uint32]bool{}
		var own []System
		for _, p := range list {
			for _, s := range []System{p.a, p.b} {
				if !seen[s.ASN] {
					seen[s.ASN], own = true, append(own, s)
				}
			}
		}
		judge(t, Families(own), list)
	})
	t.Run("data", func(t *testing.T) { judge(t, Families(systems(t)), list) })
	// Those that the rules before these joined, drawn at random and judged one by
	// one: of 157 that could be judged one was wrong.
	t.Run("sampled", func(t *testing.T) { judge(t, Families(systems(t)), pairs(t, "sampled.tsv")) })
}

func judge(t *testing.T, ix *Index, list []pair) {
	t.Helper()
	file, err := assets.Find("owners.yaml")
	if err != nil {
		t.Fatal(err)
	}
	set, err := rules.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	var right, wrong, missed, ruled, either int
	for _, p := range list {
		why, ok := ix.Same(Name{Text: p.a.Name, ASN: p.a.ASN, Country: home(&p.a)}, Name{Text: p.b.Name, ASN: p.b.ASN, Country: home(&p.b)})
		if ok != (why != "") {
			t.Errorf("Same(%q, %q) = %q, %v", p.a.Name, p.b.Name, why, ok)
		}
		a, _, oka := set.AS(p.a.ASN, p.a.Name, time.Now())
		b, _, okb := set.AS(p.b.ASN, p.b.Name, time.Now())
		rule := oka && okb && a.Owner == b.Owner
		switch {
		case ok && p.same:
			right++
		case ok:
			wrong++
			t.Logf("wrong: AS%d %q and AS%d %q: %s (%s)", p.a.ASN, p.a.Name, p.b.ASN, p.b.Name, why, p.why)
		case p.same:
			missed++
		}
		if p.same && rule {
			ruled++
		}
		if p.same && (ok || rule) {
			either++
		}
	}
	same := right + missed
	precision := float64(right) / float64(right+wrong)
	t.Logf("%d pairs, %d of one owner: %d joined, %d wrongly; precision %.3f, recall %.3f; rules join %d (%.3f), rules or names %d (%.3f)",
		len(list), same, right+wrong, wrong, precision, float64(right)/float64(same), ruled, float64(ruled)/float64(same), either, float64(either)/float64(same))
	if precision < 0.99 {
		t.Errorf("precision is %.3f, want 0.99 or more", precision)
	}
	if right < 10 {
		t.Errorf("%d pairs joined: nothing works", right)
	}
}

// TestData holds the index to its budget: 20 MB.
func TestData(t *testing.T) {
	list := systems(t)
	before := heap()
	begin := time.Now()
	ix := Families(list)
	took := time.Since(begin)
	size := heap() - before
	names := map[int32]int{}
	for _, m := range ix.members {
		names[m.family]++
	}
	t.Logf("%d families of several names with %d systems among %d, in %v and %.1f MB", len(names), len(ix.members), len(list), took.Round(time.Millisecond), float64(size)/1e6)
	if size > 20e6 {
		t.Errorf("the index takes %.1f MB, want 20 at most", float64(size)/1e6)
	}
	// Whatever order they come in, families are the same.
	slices.Reverse(list)
	other := Families(list)
	for _, s := range list {
		a, _, oka := ix.AS(s.ASN, s.Name)
		b, _, okb := other.AS(s.ASN, s.Name)
		if a != b || oka != okb {
			t.Fatalf("AS%d is %q, or %q in another order", s.ASN, a.Owner, b.Owner)
		}
	}
	runtime.KeepAlive(ix)
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func example() *Index {
	return Families([]System{
		{64496, "Exemplaria Networks, Inc.", []string{"US", "DE"}, 1 << 20},
		{64497, "EXEMPLARIA NETWORKS GmbH", []string{"DE"}, 4096},
		{64498, "Exemplaria Networks Ltd", []string{"BR"}, 512},
		{64499, "Exemplaria University", []string{"US"}, 512},
		{64500, "StarNet s.r.o.", []string{"CZ"}, 512},
		{64501, "StarNet, a.s.", []string{"CZ"}, 512},
		{64502, "Bank of Canada", []string{"CA"}, 512},
		{64503, "The Bank of Canada Ltd", []string{"CA"}, 512},
		{64504, "Broadband Internet Services Ltd", []string{"CA"}, 512},
		{64505, "Broadband Internet Services LLC", []string{"CA"}, 512},
	})
}

func TestAS(t *testing.T) {
	ix := example()
	f := func(asn uint32, text, want string) {
		t.Helper()
		of, why, ok := ix.AS(asn, text)
		if owner := of.Owner; owner != want || ok != (want != "") || ok != (why != "") {
			t.Errorf("AS(%d) = %+v because %q, %v, want %q", asn, of, why, ok, want)
		}
	}
	f(64496, "Exemplaria Networks, Inc.", "Exemplaria Networks")
	f(64497, "EXEMPLARIA NETWORKS GmbH", "Exemplaria Networks")
	f(64497, "Somebody else", "")
	f(64498, "Exemplaria Networks Ltd", "") // another country
	f(64499, "Exemplaria University", "")
	f(64500, "StarNet s.r.o.", "")
	f(64503, "The Bank of Canada Ltd", "") // places alone
	f(64505, "Broadband Internet Services LLC", "")
	f(1, "", "")
	if _, _, ok := new(Index).AS(64496, "Exemplaria Networks, Inc."); ok {
		t.Error("the zero Index knows a family")
	}
}

func TestRegistrant(t *testing.T) {
	ix := example()
	f := func(n Name, want string) {
		t.Helper()
		of, why, ok := ix.Registrant(n)
		if owner := of.Owner; owner != want || ok != (want != "") || ok != (why != "") {
			t.Errorf("Registrant(%+v) = %+v because %q, %v, want %q", n, of, why, ok, want)
		}
	}
	f(Name{Text: "Exemplaria (Germany) AG", ASN: 64497}, "Exemplaria Networks")
	f(Name{Text: "EXEMPLARIA NETWORKS HOLDING AG", Country: "DE"}, "Exemplaria Networks")
	f(Name{Text: "Exemplaria Networks AG", Country: "FR"}, "")
	f(Name{Text: "Exemplaria Pizza AG", ASN: 64497, Country: "DE"}, "")
	f(Name{Text: "Exemplaria Networks AG"}, "")
	f(Name{Text: "StarNet", Country: "CZ"}, "")
	f(Name{Text: "StarNet", ASN: 64500, Country: "CZ"}, "StarNet")
	f(Name{Text: "Canada Bank", ASN: 64502, Country: "CA"}, "")
	f(Name{}, "")
}

func TestSame(t *testing.T) {
	ix := example()
	f := func(a, b Name, want string) {
		t.Helper()
		for range 2 {
			why, ok := ix.Same(a, b)
			if ok != (want != "") || !strings.Contains(why, want) {
				t.Errorf("Same(%+v, %+v) = %q, %v, want %q", a, b, why, ok, want)
			}
			a, b = b, a
		}
	}
	star := Name{Text: "StarNet s.r.o."}
	f(star, Name{Text: "STARNET"}, "")
	f(Name{Text: "StarNet", ASN: 1}, Name{Text: "STARNET LLC", ASN: 1}, "AS1")
	f(Name{Text: "StarNet", Country: "CZ"}, Name{Text: "STARNET LLC", Country: "CZ"}, "")
	f(Name{Text: "StarNet", AbuseDomain: "abuse@Starnet.example."}, Name{Text: "STARNET LLC", AbuseDomain: "starnet.example"}, "starnet.example")
	f(Name{Text: "StarNet", AbuseDomain: "a@gmail.com"}, Name{Text: "STARNET LLC", AbuseDomain: "b@gmail.com"}, "")
	f(Name{Text: "One", AbuseDomain: "one.example"}, Name{Text: "Two", AbuseDomain: "one.example"}, "") // a domain alone
	f(Name{Text: "Rarissima Oy", Country: "FI"}, Name{Text: "RARISSIMA GROUP OYJ", Country: "FI"}, "rare")
	f(Name{Text: "Rarissima Oy", Country: "FI"}, Name{Text: "Rarissima Oy", Country: "SE"}, "")
	f(Name{Text: "Bank of Canada", Country: "CA", ASN: 1}, Name{Text: "Bank of Canada", Country: "CA", ASN: 1}, "")
	f(Name{Text: "Internet Services", Country: "CA", ASN: 1}, Name{Text: "Internet Services", Country: "CA", ASN: 1}, "")
	one := Name{Text: "Old Name", Registry: "ripe", Handle: "ORG-ON1-RIPE", Country: "NL"}
	f(one, Name{Text: "New Name", Registry: "ripe", Handle: "ORG-ON1-RIPE", Country: "NL"}, "ORG-ON1-RIPE")
	f(one, Name{Text: "New Name", Registry: "ripe", Handle: "ORG-ON1-RIPE", Country: "BE"}, "") // a handle alone
	f(one, Name{Text: "New Name", Registry: "arin", Handle: "ORG-ON1-RIPE", Country: "NL"}, "")
	f(Name{}, Name{}, "")
	var none Index
	if _, ok := none.Same(Name{Text: "Rarissima Oy", Country: "FI"}, Name{Text: "RARISSIMA GROUP OYJ", Country: "FI"}); !ok {
		t.Error("the zero Index joins nothing")
	}
}

func TestSuggest(t *testing.T) {
	got := Suggest([]Counted{
		{Owner: "Kyndryl Polska", Attempts: 3},
		{Owner: "Kyndryl", Attempts: 5, Names: []string{"Kyndryl, Inc.", "Kyndryl \"quoted\" *"}},
		{Owner: "Kyndryl Aviation Pilots", Attempts: 1},
		{Owner: "Rarissima", Attempts: 50},
		{Owner: "Rarisima Networks", Attempts: 40},
		{Owner: "Bank of Canada", Attempts: 900},
		{Owner: "Bank of Finland", Attempts: 900},
		{Owner: "Alone", Attempts: 900},
		{},
	})
	var lines []string
	for _, s := range got {
		var of []string
		for _, c := range s.Of {
			of = append(of, c.Owner)
		}
		lines = append(lines, s.Owner+" "+strconv.FormatUint(s.Attempts, 10)+": "+strings.Join(of, ", "))
	}
	want := []string{"Rarissima 90: Rarissima, Rarisima Networks", "Kyndryl 9: Kyndryl, Kyndryl Polska, Kyndryl Aviation Pilots"}
	if !slices.Equal(lines, want) {
		t.Errorf("Suggest() = %q, want %q", lines, want)
	}
	file := filepath.Join(t.TempDir(), "owners.yaml")
	if err := os.WriteFile(file, []byte(YAML(got)), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := rules.Load(file)
	if err != nil {
		t.Fatalf("the snippet is no rules file: %v\n%s", err, YAML(got))
	}
	if m, ok := set.Name(time.Now(), "Kyndryl Polska"); !ok || m.Owner != "Kyndryl" {
		t.Errorf("Name() = %+v, %v of\n%s", m, ok, YAML(got))
	}
}

func BenchmarkBuild(b *testing.B) {
	list := systems(b)
	b.ReportAllocs()
	for b.Loop() {
		Families(list)
	}
}

func BenchmarkAS(b *testing.B) {
	list := systems(b)
	ix := Families(list)
	var in []System
	for _, s := range list {
		if _, _, ok := ix.AS(s.ASN, s.Name); ok {
			in = append(in, s)
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s := &in[i%len(in)]
		ix.AS(s.ASN, s.Name)
	}
}

func BenchmarkRegistrant(b *testing.B) {
	list := systems(b)
	ix := Families(list)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s := &list[i%len(list)]
		ix.Registrant(Name{Text: s.Name, Country: home(s)})
	}
}

func BenchmarkSuggest(b *testing.B) {
	list := systems(b)[:10_000]
	owners := make([]Counted, len(list))
	for i, s := range list {
		owners[i] = Counted{Owner: s.Name, Attempts: s.Addresses}
	}
	b.ReportAllocs()
	for b.Loop() {
		Suggest(owners)
	}
}
