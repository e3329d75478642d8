package scan

import "net/netip"

// Public reports whether a is a remote address that belongs to somebody and can
// be attributed. These are not: the zero Addr, unspecified, private and unique
// local, loopback, link-local and multicast addresses, and of IPv4 also 0/8,
// the shared space of carriers 100.64/10, the benchmark space 198.18/15 and
// everything from 240/4 on, broadcast included. Documentation addresses count
// as public, because published samples are made of them. An IPv4 address mapped
// into IPv6 is judged as IPv4. Column knock in ClickHouse has the same rule.
func Public(a netip.Addr) bool {
	a = a.Unmap()
	if a.Is4() {
		return public4(a.As4())
	}
	return a.IsValid() && !a.IsUnspecified() && !a.IsLoopback() && !a.IsPrivate() &&
		!a.IsLinkLocalUnicast() && !a.IsMulticast()
}

func public4(b [4]byte) bool {
	switch b[0] {
	case 0, 10, 127:
		return false
	case 100:
		return b[1]&0xc0 != 64
	case 169:
		return b[1] != 254
	case 172:
		return b[1]&0xf0 != 16
	case 192:
		return b[1] != 168
	case 198:
		return b[1]&0xfe != 18
	}
	return b[0] < 224 // multicast from here, reserved from 240
}

// Knock reports whether e is an attempt from outside, the only events that make
// sources and owners: it came in, or the device did not say where it went, and
// its source is public.
func (e *Event) Knock() bool {
	return (e.Direction == DirectionIn || e.Direction == DirectionUnknown) && Public(e.SrcIP)
}
