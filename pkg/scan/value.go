package scan

import (
	"fmt"
	"net/netip"
	"time"
)

// Each reader below stands at the start of a value and reads one of its own
// type or null, which it returns as the zero value. On anything else it sets
// d.err and the value is of no use.

func (d *Decoder) text() string      { return d.intern(d.quoted()) }
func (d *Decoder) freshText() string { return string(d.quoted()) } // for what hardly repeats

// quoted returns a text that is good until the next one is read, nil for null.
func (d *Decoder) quoted() []byte {
	if d.pos < len(d.data) && d.data[d.pos] == '"' {
		var b []byte
		b, d.scratch = d.str(d.scratch)
		return b
	}
	if !d.null() {
		d.refuse("not a text", d.rest())
	}
	return nil
}

func (d *Decoder) id() (id ID) {
	if b := d.quoted(); b != nil {
		var ok bool
		if id, ok = parseID(b); !ok {
			d.refuse("not 16 hexadecimal digits", b)
		}
	}
	return id
}

func (d *Decoder) time(p precision) (t time.Time) {
	if b := d.quoted(); b != nil {
		var ok bool
		if t, ok = parseClock(b, p); !ok {
			d.refuse("not an RFC 3339 time", b)
		}
	}
	return t
}

func (d *Decoder) flags() (f Opt[TCPFlags]) {
	if b := d.quoted(); b != nil {
		if f.V, f.OK = parseTCPFlags(b); !f.OK {
			d.refuse("not letters of "+flagLetters, b)
		}
	}
	return f
}

func (d *Decoder) addr() netip.Addr {
	b := d.quoted()
	if b == nil {
		return netip.Addr{}
	}
	if a, ok := parseIPv4(b); ok {
		return a
	}
	a, err := netip.ParseAddr(d.intern(b))
	if err != nil || a.Zone() != "" {
		d.refuse("not an IP address without zone", b)
		return netip.Addr{}
	}
	return a.Unmap()
}

// parseIPv4 reads a dotted quad without the copy that netip.ParseAddr wants. It
// knows no address that netip.ParseAddr does not.
func parseIPv4(b []byte) (netip.Addr, bool) {
	var quad [4]byte
	part, digits, n := 0, 0, 0
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			if digits > 0 && n == 0 {
				return netip.Addr{}, false // leading zero
			}
			n = 10*n + int(c-'0')
			digits++
			if n > 255 {
				return netip.Addr{}, false
			}
		case c == '.' && digits > 0 && part < 3:
			quad[part] = byte(n)
			part++
			digits, n = 0, 0
		default:
			return netip.Addr{}, false
		}
	}
	quad[3] = byte(n)
	return netip.AddrFrom4(quad), part == 3 && digits > 0
}

func option[T ~uint8 | ~uint16](d *Decoder) (o Opt[T]) {
	if d.null() {
		return o
	}
	n := d.number(uint64(^T(0)))
	return Opt[T]{V: T(n), OK: d.err == nil}
}

// number reads a whole number from 0 to most, at most 32 bits.
func (d *Decoder) number(most uint64) uint64 {
	if d.null() {
		return 0
	}
	var n uint64
	i := d.pos
	for ; i < len(d.data) && d.data[i]-'0' <= 9 && n <= most; i++ {
		n = 10*n + uint64(d.data[i]-'0')
	}
	length := i - d.pos
	if length == 0 || n > most || length > 1 && d.data[d.pos] == '0' || i < len(d.data) && !ends(d.data[i]) {
		d.refuse(fmt.Sprintf("not a whole number from 0 to %d", most), d.rest())
		return 0
	}
	d.pos = i
	return n
}

// ends reports whether c may follow a number.
func ends(c byte) bool { return c == ',' || c == '}' || c == ']' || isSpace(c) }

// null reads null if it is there.
func (d *Decoder) null() bool {
	if d.pos < len(d.data) && d.data[d.pos] == 'n' {
		return d.word("null")
	}
	return false
}

// valueError says what is wrong with the value of a known key.
type valueError struct {
	why   string
	value string // quoted
}

func (e *valueError) Error() string { return e.value + " is " + e.why }

// refuse notes that the value b is why, unless something failed before.
func (d *Decoder) refuse(why string, b []byte) {
	if d.err == nil {
		d.err = &valueError{why, quote(b)}
	}
}

// rest returns the input from here to the end of a simple value.
func (d *Decoder) rest() []byte {
	b := d.data[d.pos:]
	if len(b) == 0 || b[0] == '"' || b[0] == '[' || b[0] == '{' {
		return b
	}
	for i, c := range b {
		if ends(c) && i > 0 {
			return b[:i]
		}
	}
	return b
}
