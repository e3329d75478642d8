// Package block holds ranges of addresses as registries write them: from a
// first to a last address, both included, which need not be one prefix. How
// such blocks are stored and looked up is left to its users.
package block

import (
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
	"strings"
)

// Block is the addresses from First to Last, both included and of one family.
// It is a plain value; the zero Block holds nothing.
type Block struct {
	First, Last netip.Addr
}

// ErrOrder is returned for a range whose ends are of two families or in the
// wrong order.
var ErrOrder = errors.New("ends of an address range do not fit each other")

// New returns the block from first to last. IPv4-mapped IPv6 addresses become
// IPv4 and zones are refused.
func New(first, last netip.Addr) (Block, error) {
	b := Block{First: first.Unmap(), Last: last.Unmap()}
	if !first.IsValid() || b.First.BitLen() != b.Last.BitLen() || b.Last.Less(b.First) ||
		b.First.Zone() != "" || b.Last.Zone() != "" {
		return Block{}, ErrOrder
	}
	return b, nil
}

// Of returns the block of a prefix, whose host bits are ignored.
func Of(p netip.Prefix) Block {
	p = p.Masked()
	return Block{First: p.Addr(), Last: lastOf(p)}
}

// Single returns the block that holds addr alone.
func Single(addr netip.Addr) Block { return Block{First: addr, Last: addr} }

// Parse reads what String writes: a prefix, a single address, or "first-last"
// with spaces allowed around the dash.
func Parse(s string) (Block, error) {
	if first, last, ok := strings.Cut(s, "-"); ok {
		a, err := netip.ParseAddr(strings.TrimSpace(first))
		if err != nil {
			return Block{}, err
		}
		z, err := netip.ParseAddr(strings.TrimSpace(last))
		if err != nil {
			return Block{}, err
		}
		b, err := New(a, z)
		if err != nil {
			return Block{}, fmt.Errorf("%q: %w", s, err)
		}
		return b, nil
	}
	if strings.Contains(s, "/") {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return Block{}, err
		}
		return Of(p), nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return Block{}, err
	}
	return New(a, a)
}

// Valid says whether the block holds at least one address.
func (b Block) Valid() bool { return b.First.IsValid() }

// Contains says whether addr lies in the block.
func (b Block) Contains(addr netip.Addr) bool {
	return b.Valid() && addr.BitLen() == b.First.BitLen() && !addr.Less(b.First) && !b.Last.Less(addr)
}

// Covers says whether every address of o lies in b.
func (b Block) Covers(o Block) bool { return b.Contains(o.First) && b.Contains(o.Last) }

// Prefix returns the prefix that holds exactly the block's addresses.
func (b Block) Prefix() (netip.Prefix, bool) {
	if !b.Valid() {
		return netip.Prefix{}, false
	}
	p, last := widest(b.First, b.Last)
	return p, last == b.Last
}

// String writes the block as one prefix where it is one, else "first-last".
func (b Block) String() string {
	if !b.Valid() {
		return ""
	}
	if p, ok := b.Prefix(); ok {
		return p.String()
	}
	return b.First.String() + "-" + b.Last.String()
}

// AppendPrefixes appends the fewest prefixes that together hold exactly the
// block, in order of address: at most 62 for IPv4 and 254 for IPv6.
func (b Block) AppendPrefixes(dst []netip.Prefix) []netip.Prefix {
	if !b.Valid() {
		return dst
	}
	for first := b.First; ; {
		p, last := widest(first, b.Last)
		dst = append(dst, p)
		if last == b.Last {
			return dst
		}
		first = last.Next()
	}
}

// PrefixOf returns that prefix of AppendPrefixes which holds addr, the zero Prefix if
// the block does not.
func (b Block) PrefixOf(addr netip.Addr) netip.Prefix {
	if !b.Contains(addr) {
		return netip.Prefix{}
	}
	for first := b.First; ; {
		p, last := widest(first, b.Last)
		if p.Contains(addr) {
			return p
		}
		first = last.Next()
	}
}

// widest returns the widest prefix that begins at first and does not go beyond
// last, and its last address.
func widest(first, last netip.Addr) (netip.Prefix, netip.Addr) {
	a, z := toWide(first), toWide(last)
	// As many host bits as first has trailing zeros, fewer while it overshoots.
	host := min(a.trailingZeros(), first.BitLen())
	for host > 0 && z.less(a.or(mask(host))) {
		host--
	}
	return netip.PrefixFrom(first, first.BitLen()-host), a.or(mask(host)).addr(first.Is4())
}

func lastOf(p netip.Prefix) netip.Addr {
	a := p.Addr()
	return toWide(a).or(mask(a.BitLen() - p.Bits())).addr(a.Is4())
}

// wide is an address as a number; an IPv4 address uses the low 32 bits.
type wide struct{ hi, lo uint64 }

func toWide(a netip.Addr) wide {
	if a.Is4() {
		b := a.As4()
		return wide{lo: uint64(b[0])<<24 | uint64(b[1])<<16 | uint64(b[2])<<8 | uint64(b[3])}
	}
	b := a.As16()
	var w wide
	for i := range 8 {
		w.hi = w.hi<<8 | uint64(b[i])
		w.lo = w.lo<<8 | uint64(b[8+i])
	}
	return w
}

func (w wide) addr(is4 bool) netip.Addr {
	if is4 {
		return netip.AddrFrom4([4]byte{byte(w.lo >> 24), byte(w.lo >> 16), byte(w.lo >> 8), byte(w.lo)})
	}
	var b [16]byte
	for i := range 8 {
		b[i] = byte(w.hi >> (56 - 8*i))
		b[8+i] = byte(w.lo >> (56 - 8*i))
	}
	return netip.AddrFrom16(b)
}

func (w wide) trailingZeros() int {
	if w.lo != 0 {
		return bits.TrailingZeros64(w.lo)
	}
	return 64 + bits.TrailingZeros64(w.hi)
}

func (w wide) or(o wide) wide { return wide{w.hi | o.hi, w.lo | o.lo} }

func (w wide) less(o wide) bool { return w.hi < o.hi || w.hi == o.hi && w.lo < o.lo }

// mask returns the n lowest bits set.
func mask(n int) wide {
	switch {
	case n <= 0:
		return wide{}
	case n < 64:
		return wide{lo: 1<<n - 1}
	case n < 128:
		return wide{hi: 1<<(n-64) - 1, lo: ^uint64(0)}
	}
	return wide{^uint64(0), ^uint64(0)}
}

// Narrower says whether b holds fewer addresses than o. Blocks of different
// families are not compared: the answer is false.
func (b Block) Narrower(o Block) bool {
	if !b.Valid() || !o.Valid() || b.First.BitLen() != o.First.BitLen() {
		return false
	}
	return b.size().less(o.size())
}

// size is the number of addresses less one.
func (b Block) size() wide {
	a, z := toWide(b.First), toWide(b.Last)
	lo, borrow := bits.Sub64(z.lo, a.lo, 0)
	hi, _ := bits.Sub64(z.hi, a.hi, borrow)
	return wide{hi, lo}
}

// Wider says whether the block is wider than a prefix of v4 bits (IPv4) or of
// v6 bits (IPv6) would be.
func (b Block) Wider(v4, v6 int) bool {
	if !b.Valid() {
		return false
	}
	n := 128 - v6
	if b.First.Is4() {
		n = 32 - v4
	}
	return mask(n).less(b.size())
}
