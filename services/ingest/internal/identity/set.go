package identity

import (
	"net/netip"

	"github.com/cespare/xxhash/v2"
)

// maxAddrs bounds an Addrs: 64 MiB.
const maxAddrs = 1 << 21

// Addrs counts different addresses, exactly up to two million; those beyond are
// not counted any more. The zero value is empty. It serves one goroutine.
type Addrs struct{ seen counts }

// Add counts a if it is new.
func (s *Addrs) Add(a netip.Addr) {
	if s.seen.used >= maxAddrs {
		return
	}
	b := a.As16()
	s.seen.add(xxhash.Sum64(b[:]))
}

// Len returns how many different addresses were added.
func (s *Addrs) Len() int { return s.seen.used }
