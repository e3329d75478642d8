package identity

import (
	"math/bits"
	"math/rand/v2"
	"net/netip"

	"github.com/cespare/xxhash/v2"
)

// maxAddrs bounds an Addrs: 8 MiB, and 4 more while it grows to that.
const maxAddrs = 3 << 18

// Addrs counts different addresses, exactly up to 786,432; those beyond are not
// counted any more. The zero value is empty. It serves one goroutine.
type Addrs struct {
	keys []uint64 // an open hash table of hashes, a power of two of them; 0 is free
	used int
	mix  uint64 // odd and random, as in counts
}

// Add counts a if it is new.
func (s *Addrs) Add(a netip.Addr) {
	if 4*s.used >= 3*len(s.keys) {
		if s.used >= maxAddrs {
			return
		}
		s.grow()
	}
	b := a.As16()
	key := max(xxhash.Sum64(b[:]), 1)
	if slot := s.find(key); *slot == 0 {
		*slot = key
		s.used++
	}
}

// Len returns how many different addresses were added.
func (s *Addrs) Len() int { return s.used }

func (s *Addrs) find(key uint64) *uint64 {
	mask := uint64(len(s.keys) - 1)
	for i := key * s.mix >> (64 - bits.TrailingZeros(uint(len(s.keys)))); ; i = (i + 1) & mask {
		if k := &s.keys[i]; *k == 0 || *k == key {
			return k
		}
	}
}

func (s *Addrs) grow() {
	old := s.keys
	if old == nil {
		s.mix = rand.Uint64() | 1
	}
	s.keys = make([]uint64, max(512, 2*len(old)))
	for _, key := range old {
		if key != 0 {
			*s.find(key) = key
		}
	}
}
