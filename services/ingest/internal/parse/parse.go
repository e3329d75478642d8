// Package parse is what the formats share: how a parser answers, and how
// addresses, ports and protocols are read.
//
// A parser is a function from an unwrapped line to an event. It is pure: it
// keeps nothing between lines, logs nothing and never panics on data.
package parse

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
)

// Func reads one unwrapped line. On nil it has filled what the line says of the
// packet in ev: Verdict, Direction, Proto, addresses, ports, flags, ICMP fields,
// Packets and Label; the caller fills the rest. Strings in ev are parts of the
// line. A time in the payload goes into line by line.Own. After an error ev is
// undefined. Errors are ErrNotMine, ErrContinues, ErrHeader, a Gap or a Rejection.
type Func func(line *envelope.Line, ev *scan.Event) error

var (
	// ErrNotMine is returned when the format does not claim the line.
	ErrNotMine = errors.New("no format claims the line")
	// ErrContinues is returned when the line is the first half of an entry that
	// was wrapped over two lines: the caller tries again with both halves, and
	// rejects the line if that gives no event.
	ErrContinues = errors.New("entry is cut off before the source address")
	// ErrHeader is returned when the line names the columns of those after it,
	// which the parser has put into line.Header, or is another comment of the
	// format's own.
	ErrHeader = errors.New("the line is a header of the log, no entry")
)

// Gap is a line in which the device says that it has logged fewer packets than
// it saw: of the others nothing is known but their number.
type Gap struct {
	Packets uint32 // missed; 0 if the line does not tell
	Reason  string // in the device's words
}

func (g *Gap) Error() string {
	if g.Packets == 0 {
		return "the device has missed packets: " + Quote(g.Reason)
	}
	return fmt.Sprintf("the device has missed %d packets: %s", g.Packets, Quote(g.Reason))
}

// Rejection is why a line that a format claims became no event.
type Rejection struct{ Reason string }

func (r *Rejection) Error() string { return r.Reason }

// Reject returns a Rejection with a reason that people read; quote the line's
// own words with Quote.
func Reject(format string, args ...any) error {
	return &Rejection{Reason: fmt.Sprintf(format, args...)}
}

// Quote quotes s, cut to a sane length: it was written by a stranger.
func Quote(s string) string {
	const most = 64
	if len(s) > most {
		return fmt.Sprintf("%.*q…", most, s)
	}
	return fmt.Sprintf("%q", s)
}

// Addr reads an address as devices print it and returns it canonical: IPv4 in
// IPv6 unmapped, no zone. It is false for anything else, such as a masked or an
// impossible one.
func Addr(s string) (netip.Addr, bool) {
	if a, ok := v4(s); ok {
		return a, true
	}
	if len(s) < 2 || len(s) > 64 {
		return netip.Addr{}, false
	}
	if s[0] == '[' && s[len(s)-1] == ']' {
		s = s[1 : len(s)-1]
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}, false
	}
	return a.WithZone("").Unmap(), true
}

// v4 reads dotted decimal. It exists because netip.ParseAddr makes an error for
// everything else, and takes twice as long.
func v4(s string) (netip.Addr, bool) {
	if len(s) < 7 || len(s) > 15 {
		return netip.Addr{}, false
	}
	var b [4]byte
	part, v, n := 0, 0, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c-'0' <= 9:
			if n > 0 && v == 0 {
				return netip.Addr{}, false // 010: decimal to some, octal to others
			}
			v = 10*v + int(c-'0')
			n++
			if v > 255 {
				return netip.Addr{}, false
			}
		case c == '.' && n > 0 && part < 3:
			b[part] = byte(v)
			part++
			v, n = 0, 0
		default:
			return netip.Addr{}, false
		}
	}
	if part != 3 || n == 0 {
		return netip.Addr{}, false
	}
	b[3] = byte(v)
	return netip.AddrFrom4(b), true
}

// Source reads the address a line is about. Without it there is no event, so
// the error says what is wrong with it.
func Source(s string) (netip.Addr, error) {
	if a, ok := Addr(s); ok {
		return a, nil
	}
	switch {
	case s == "" || s == "-":
		return netip.Addr{}, errNoSource
	case named(s):
		return netip.Addr{}, Reject("source is a name, not an address: %s", Quote(s))
	case masked(s):
		return netip.Addr{}, Reject("source address is masked: %s", Quote(s))
	}
	return netip.Addr{}, Reject("source address is impossible: %s", Quote(s))
}

var errNoSource = &Rejection{Reason: "source address is missing"}

// ErrCutSource is returned when the line ends within the source address: what
// is left may read as another address.
var ErrCutSource error = &Rejection{Reason: "line ends within the source address"}

// named reports whether a host's name stands where the address should. Whoever
// masks an address leaves no letter but x.
func named(s string) bool {
	if (s[0]|0x20)-'a' >= 26 {
		return false
	}
	name := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case (c|0x20)-'a' < 26:
			name = name || c|0x20 != 'x'
		case c-'0' > 9 && c != '.' && c != '-' && c != '_':
			return false
		}
	}
	return name
}

// masked reports whether somebody made the address unreadable on purpose:
// x.x.248.106, 101.85.*.*, (ip-address from far away), *MY IP*.
func masked(s string) bool { return strings.ContainsAny(s, "xX*?(<# ") }

// Port reads a port; a number that is none is absent.
func Port(s string) scan.Opt[uint16] {
	if v, ok := number(s, 65535); ok {
		return scan.Some(uint16(v))
	}
	return scan.Opt[uint16]{}
}

// Byte reads a number of one byte, such as an ICMP type.
func Byte(s string) scan.Opt[uint8] {
	if v, ok := number(s, 255); ok {
		return scan.Some(uint8(v))
	}
	return scan.Opt[uint8]{}
}

// Count reads how many packets a line stands for; anything but a number from 1
// to a billion is absent.
func Count(s string) (uint32, bool) {
	v, ok := number(s, 1_000_000_000)
	return uint32(v), ok && v > 0
}

func number(s string, most int) (int, bool) {
	if s == "" {
		return 0, false
	}
	v := 0
	for i := 0; i < len(s); i++ {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		if v = 10*v + int(c); v > most {
			return 0, false
		}
	}
	return v, true
}

// Direction tells from the addresses where a packet went whose format says
// nothing of it: from a public source it came in, from a private one it went out
// or stayed within. dst may be absent.
func Direction(src, dst netip.Addr) scan.Direction {
	switch {
	case scan.Public(src):
		return scan.DirectionIn
	case scan.Public(dst):
		return scan.DirectionOut
	}
	return scan.DirectionLocal
}

// Passing tells where a packet went that a firewall with interfaces towards both
// sides saw coming in on one of them, or going out of one: what comes in from
// the own network goes out to the other.
func Passing(out bool, src, dst netip.Addr) scan.Direction {
	if out && scan.Public(src) && scan.Public(dst) {
		return scan.DirectionOut
	}
	return Direction(src, dst)
}
