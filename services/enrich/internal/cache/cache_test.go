package cache

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/whoknocks/whoknocks/services/enrich/internal/block"
)

// slow does what Cache does, in the plainest way.
type slow struct {
	max   int
	next  int
	items []item
}

type item struct {
	prefix netip.Prefix
	put    int // the number of the Put that it belongs to
	value  int
}

func (s *slow) put(b block.Block, value int) {
	s.next++
	for _, p := range b.AppendPrefixes(nil) {
		s.items = slices.DeleteFunc(s.items, func(it item) bool { return it.prefix == p })
		s.items = append(s.items, item{p, s.next, value})
	}
	for len(s.items) > s.max {
		oldest := s.items[0].put
		for _, it := range s.items {
			oldest = min(oldest, it.put)
		}
		s.items = slices.DeleteFunc(s.items, func(it item) bool { return it.put == oldest })
	}
}

func (s *slow) get(addr netip.Addr) (int, bool) {
	best := -1
	for i, it := range s.items {
		if it.prefix.Contains(addr) && (best < 0 || it.prefix.Bits() > s.items[best].prefix.Bits()) {
			best = i
		}
	}
	if best < 0 {
		return 0, false
	}
	return s.items[best].value, true
}

// TestOracle compares the cache with the slow one on random blocks, of both
// families, that nest, repeat and overlap in a space small enough to collide.
func TestOracle(t *testing.T) {
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		limit := 5 + rnd.IntN(60)
		fast, model := New[int](limit), &slow{max: limit}
		for step := range 600 {
			if b := random(rnd); rnd.IntN(2) == 0 {
				fast.Put(b, step)
				model.put(b, step)
			}
			if got, want := fast.Len(), len(model.items); got != want || got > limit {
				t.Fatalf("seed %d step %d: Len() = %d, want %d of at most %d", seed, step, got, want, limit)
			}
			for range 5 {
				addr := random(rnd).First
				got, ok := fast.Get(addr)
				want, wantOK := model.get(addr)
				if got != want || ok != wantOK {
					t.Fatalf("seed %d step %d: Get(%v) = %d, %v, want %d, %v", seed, step, addr, got, ok, want, wantOK)
				}
			}
		}
		if n := fast.order.Len(); n > limit {
			t.Fatalf("seed %d: %d entries are kept for %d prefixes", seed, n, fast.Len())
		}
	}
}

func random(rnd *rand.Rand) block.Block {
	first, size := byte(rnd.IntN(256)), byte(1<<rnd.IntN(8)-1)
	if rnd.IntN(3) > 0 {
		first &^= size // a prefix
	}
	last := byte(min(int(first)+int(size), 255))
	if rnd.IntN(4) == 0 {
		a := netip.MustParseAddr("2001:db8::").As16()
		z := a
		a[15], z[15] = first, last
		return block.Block{First: netip.AddrFrom16(a), Last: netip.AddrFrom16(z)}
	}
	return block.Block{First: netip.AddrFrom4([4]byte{192, 0, 2, first}), Last: netip.AddrFrom4([4]byte{192, 0, 2, last})}
}

func TestOneAnswerServesItsBlock(t *testing.T) {
	c := New[string](10)
	leaf, err := block.Parse("192.0.2.0-192.0.2.99")
	if err != nil {
		t.Fatal(err)
	}
	c.Put(leaf, "leaf")
	c.Put(block.Block{}, "nothing")
	f := func(addr, want string) {
		t.Helper()
		if got, ok := c.Get(netip.MustParseAddr(addr)); got != want || ok != (want != "") {
			t.Errorf("Get(%s) = %q, %v, want %q", addr, got, ok, want)
		}
	}
	f("192.0.2.0", "leaf")
	f("192.0.2.99", "leaf")
	f("192.0.2.100", "")
	f("2001:db8::1", "")
}

func TestFullOfOneBlockTooMany(t *testing.T) {
	c := New[int](3)
	wide, err := block.Parse("192.0.2.1-192.0.2.254") // 14 prefixes
	if err != nil {
		t.Fatal(err)
	}
	c.Put(wide, 1)
	if c.Len() > 3 {
		t.Errorf("Len() = %d, want at most 3", c.Len())
	}
}

func BenchmarkGet(b *testing.B) {
	c := New[int](1 << 20)
	rnd := rand.New(rand.NewPCG(1, 2))
	var addrs [4096]netip.Addr
	for i := range addrs {
		a := netip.AddrFrom4([4]byte{byte(rnd.IntN(224)), byte(rnd.IntN(256)), byte(rnd.IntN(256)), 0})
		c.Put(block.Of(netip.PrefixFrom(a, 20+rnd.IntN(9))), i)
		addrs[i] = a
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		c.Get(addrs[i%len(addrs)])
		i++
	}
}
