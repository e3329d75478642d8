// Package envelope takes a log line out of whatever carried it: syslog of every
// age, logread, dmesg, a relay's second header, or nothing at all.
//
// It does so once for all formats, which then see the same payload whichever way
// it came. It knows no format: where it is not clear whether a word belongs to
// the header or to the payload, it stays with the payload.
package envelope

import (
	"net/netip"
	"strings"

	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
)

// Line is an unwrapped line. All strings are parts of the line it was made from.
type Line struct {
	Stamp   clock.Stamp // the device's own time; zero if it gave none
	Outer   clock.Stamp // the time of whoever relayed it, if the device gave one too
	Host    string
	Level   string // facility.level, such as kern.warn
	Tag     string // the program, without its process id
	Kind    string // the message id of RFC 5424
	Message string // what follows the headers: an event's identity is made from it
	Payload string // Message without the kernel's uptime: what a format reads
	Repeats uint32 // set where syslogd says how often a message was repeated, see Repeated

	Product Product // header of a CEF or LEEF line, whose pairs then are the Payload
	// Header is set by the caller to the one that a format has made of an earlier
	// line of the same document or peer, if any; a format that reads a new one
	// puts it here.
	Header *Header
}

// Header is a line that names the columns of those after it, such as the
// #Fields of W3C logs. It is never changed once made.
type Header struct {
	Format  string   // that has made it; no other looks at it
	Columns []string // in order
	Unset   string   // what stands for no value
}

// Own sets the device's own time, found in the payload. The time of the
// envelope is then a relay's.
func (l *Line) Own(s clock.Stamp) {
	if l.Outer.IsZero() {
		l.Outer = l.Stamp
	}
	l.Stamp = s
}

// Unwrap fills l from a line without its line ending. It blocks on nothing,
// allocates nothing and cannot fail: what it does not understand is payload.
func Unwrap(raw string, l *Line) {
	*l = Line{}
	s := trim(raw)
	s = priority(s)
	rest, found := l.stamp(s)
	if !found {
		if rest, found = l.afterFileName(s); !found {
			rest = s
		}
	}
	if found {
		rest = l.header(rest)
		if inner, ok := l.nested(rest); ok {
			rest = l.header(inner)
		}
	} else {
		rest = l.kernel(l.sequence(rest))
	}
	l.Message = rest
	l.Payload = uptime(rest)
	l.repeated()
	l.product()
}

// trim cuts what editors, terminals and file systems leave around a line.
func trim(s string) string {
	if len(s) > 2 && s[0] == 0xEF {
		s = strings.TrimPrefix(s, "\uFEFF")
	}
	i, j := 0, len(s)
	for i < j && s[i] <= ' ' {
		i++
	}
	for j > i && s[j-1] <= ' ' { // also the NUL that some devices end a datagram with
		j--
	}
	return s[i:j]
}

// priority skips <PRI>, in range or not, and the colon that Cisco's EMBLEM form
// has behind it.
func priority(s string) string {
	if s == "" || s[0] != '<' {
		return s
	}
	_, n := clock.Digits(s[1:])
	if n == 0 || n > 5 || len(s) <= n+1 || s[n+1] != '>' {
		return s
	}
	s = s[n+2:]
	if len(s) > 1 && s[0] == ':' && s[1] != ':' {
		s = s[1:]
	}
	return strings.TrimLeft(s, " ")
}

// stamp reads the time that opens a header, whichever layout it has.
func (l *Line) stamp(s string) (rest string, ok bool) {
	if len(s) < 12 {
		return s, false
	}
	n, c := 0, s[0]
	switch {
	case (c|0x20)-'a' < 26:
		if l.Stamp, n = clock.BSD(s); n == 0 {
			if l.Stamp, n = clock.Ctime(s); n == 0 {
				if l.Stamp, n = clock.DG834(s); n == 0 {
					return l.numbered(s)
				}
				return strings.TrimPrefix(after(s, n), "- "), true
			}
		}
	case c-'0' <= 9:
		if l.Stamp, n = clock.ISO(s); n == 0 {
			if l.Stamp, n = clock.YearFirst(s); n != 0 {
				break
			}
			if l.Stamp, n = clock.Epoch(s); n == 0 {
				return l.version(s)
			}
			return l.host(after(s, n)), true
		}
		if n < len(s) && s[n] != ' ' {
			l.Stamp = clock.Stamp{}
			return s, false
		}
		return l.host(after(s, n)), true
	case c == '*' || c == '.': // Cisco: not set, not synchronised
		if l.Stamp, n = clock.BSD(s[1:]); n != 0 {
			n++
			l.Stamp.Unset = c == '*'
		}
	}
	if n == 0 || n < len(s) && s[n] != ' ' && s[n] != ':' {
		l.Stamp = clock.Stamp{}
		return s, false
	}
	return cisco(s[n:]), true
}

// cisco skips what stands between Cisco's time and its message: a zone's name
// and a colon.
func cisco(s string) string {
	i := 0
	for i < len(s) && s[i] == ' ' {
		i++
	}
	j := i
	for j < len(s) && s[j]-'A' < 26 {
		j++
	}
	if j > i && j-i <= 5 && j < len(s) && s[j] == ':' && strings.HasPrefix(s[j:], ": %") {
		return s[j+2:]
	}
	if strings.HasPrefix(s, ": ") {
		return s[2:]
	}
	return s[i:]
}

// version reads the header of RFC 5424 from its version on. Meraki writes the
// seconds since 1970 for the time, and no more than the host after it.
func (l *Line) version(s string) (string, bool) {
	if !strings.HasPrefix(s, "1 ") {
		return s, false
	}
	rest := s[2:]
	var n int
	if l.Stamp, n = clock.ISO(rest); n == 0 {
		if l.Stamp, n = clock.Epoch(rest); n != 0 {
			return l.host(after(rest, n)), true
		}
		if !strings.HasPrefix(rest, "- ") {
			return s, false
		}
		n = 1
	}
	if len(rest) <= n || rest[n] != ' ' {
		l.Stamp = clock.Stamp{}
		return s, false
	}
	rest = rest[n+1:]
	var app string
	l.Host, rest = field(rest)
	app, rest = field(rest)
	l.Tag = app
	_, rest = field(rest) // process id
	l.Kind, rest = field(rest)
	return strings.TrimPrefix(structured(rest), "\uFEFF"), true
}

// field cuts the next word of a 5424 header; "-" is nothing.
func field(s string) (word, rest string) {
	word, rest, _ = strings.Cut(s, " ")
	if word == "-" {
		word = ""
	}
	return word, rest
}

// structured skips the structured data of RFC 5424 that every sender may add.
// A vendor's own holds the message itself and is left to its format.
func structured(s string) string {
	if s == "-" {
		return ""
	}
	if strings.HasPrefix(s, "- ") {
		return s[2:]
	}
	for _, id := range [...]string{"[meta ", "[timeQuality ", "[origin "} {
		if !strings.HasPrefix(s, id) {
			continue
		}
		quoted := false
		for i := 1; i < len(s); i++ {
			switch c := s[i]; {
			case quoted && c == '\\':
				i++
			case c == '"':
				quoted = !quoted
			case c == ']' && !quoted:
				return structured(strings.TrimPrefix(s[i+1:], " "))
			}
		}
	}
	return s
}

// numbered reads the line numbers of Netgear's alert mails: "No.001  Sat, ...".
func (l *Line) numbered(s string) (string, bool) {
	if !strings.HasPrefix(s, "No.") {
		return s, false
	}
	_, n := clock.Digits(s[3:])
	if n == 0 {
		return s, false
	}
	rest := strings.TrimLeft(s[3+n:], " ")
	if l.Stamp, n = clock.DG834(rest); n == 0 {
		return s, false
	}
	return strings.TrimPrefix(after(rest, n), "- "), true
}

// afterFileName finds a header behind words that each end in a colon: the file's
// name and perhaps the line's number, which grep puts before a line, or the host
// and the line numbers that Cisco devices put there.
func (l *Line) afterFileName(s string) (string, bool) {
	rest := s
	for range 3 {
		i := strings.IndexByte(rest, ':')
		if i <= 0 || i > 255 || i > 1 && strings.IndexByte(rest[:i], ' ') >= 0 {
			return s, false
		}
		rest = strings.TrimPrefix(rest[i+1:], " ")
		if inner, ok := l.stamp(rest); ok {
			return inner, true
		}
	}
	return s, false
}

// nested reads a second time, the device's own, behind the header of a relay.
func (l *Line) nested(s string) (string, bool) {
	if len(s) < 15 || s[0] > '9' && s[3] != ' ' && s[3] != ',' {
		return s, false // the quick way out for nearly every line
	}
	saved := *l
	rest, ok := l.stamp(s)
	if !ok {
		*l = saved
		return s, false
	}
	l.Outer = saved.Stamp
	if saved.Tag != "" && l.Tag == "" {
		l.Tag = saved.Tag
	}
	return rest, true
}

// uptime skips the kernel's time since boot: "[54386.628161] ".
func uptime(s string) string {
	if s == "" || s[0] != '[' {
		return s
	}
	i := 1
	for i < len(s) && s[i] == ' ' {
		i++
	}
	_, n := clock.Digits(s[i:])
	if n == 0 || i+n >= len(s) || s[i+n] != '.' {
		return s
	}
	_, m := clock.Digits(s[i+n+1:])
	if i += n + 1 + m; m == 0 || i >= len(s) || s[i] != ']' {
		return s
	}
	return strings.TrimLeft(s[i+1:], " ")
}

// isAddr reports whether a word of a header is an address.
func isAddr(s string) bool {
	if len(s) < 3 || len(s) > 45 || (s[0]-'0' > 9 && (s[0]|0x20)-'a' > 5 && s[0] != ':') {
		return false
	}
	for i := 0; i < len(s); i++ { // ParseAddr makes an error of every word that is none
		if c := s[i]; c-'0' > 9 && c != '.' && c != ':' && (c|0x20)-'a' > 5 {
			return false
		}
	}
	_, err := netip.ParseAddr(s)
	return err == nil
}

func after(s string, n int) string {
	for n < len(s) && s[n] == ' ' {
		n++
	}
	return s[n:]
}
