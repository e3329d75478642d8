package clickhouse

import (
	"net/netip"
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

// ranks order the bases of attributions: a better one replaces a worse one, never
// the other way round. WHOIS and RDAP are two doors to one registry.
var ranks = [...][]scan.Basis{
	{scan.BasisNone, ""},
	{scan.BasisASN},
	{scan.BasisWHOIS, scan.BasisRDAP},
	{scan.BasisOverride},
}

// rank returns how good a basis is, and 0 for one that this program does not
// know: better an attribution too many than one that nothing can replace.
func rank(b scan.Basis) int {
	for r, bases := range ranks {
		for _, known := range bases {
			if b == known {
				return r
			}
		}
	}
	return 0
}

// narrower reports whether the block inner lies within first to last and is
// smaller. Text that is no block is not narrower.
func narrower(inner string, first, last netip.Addr) bool {
	a, b, ok := bounds(inner)
	if !ok || a.BitLen() != first.BitLen() {
		return false
	}
	return first.Compare(a) <= 0 && b.Compare(last) <= 0 && (first != a || b != last)
}

// bounds reads a block as column network has it: CIDR or first-last.
func bounds(network string) (first, last netip.Addr, ok bool) {
	if a, b, found := strings.Cut(network, "-"); found {
		first, err1 := netip.ParseAddr(strings.TrimSpace(a))
		last, err2 := netip.ParseAddr(strings.TrimSpace(b))
		ok := err1 == nil && err2 == nil && first.BitLen() == last.BitLen() && first.Compare(last) <= 0
		return first.Unmap(), last.Unmap(), ok
	}
	p, err := netip.ParsePrefix(network)
	if err != nil {
		return first, last, false
	}
	p = p.Masked()
	return p.Addr().Unmap(), lastOf(p).Unmap(), true
}

// lastOf is the last address of p.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().As16()
	free := p.Addr().BitLen() - p.Bits()
	for i := len(b) - 1; i >= 0 && free > 0; i, free = i-1, free-8 {
		b[i] |= byte(1<<min(free, 8) - 1)
	}
	a := netip.AddrFrom16(b)
	if p.Addr().Is4() {
		return a.Unmap()
	}
	return a
}
