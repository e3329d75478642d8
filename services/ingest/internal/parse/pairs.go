package parse

import (
	"strings"

	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
)

// Pairs walks the key=value pairs of a text in order, without allocating:
//
//	for p := parse.KeyValues(s); p.Next(); {
//		switch p.Key {
//		case "src":
//
// Keys and values are parts of the text; escapes in a quoted value stay as they
// are. A key may come more than once. It is a plain value for one goroutine.
type Pairs struct {
	Key, Value string
	// Cut says that the value ends with the text and no quote closed it, so that
	// it may lack its end.
	Cut bool

	rest  string
	shape shape
	sep   string // of the shape delimited
}

type shape uint8

const (
	blanks    shape = iota // key=value key="a value"
	extension              // CEF: a value goes on until the next " key="
	delimited              // LEEF: a separator between the pairs
)

// KeyValues walks key=value pairs that blanks, tabs, commas or semicolons
// separate. Values with any of those are in double quotes, in which a backslash
// guards a quote. Words that are no pair are passed over.
func KeyValues(s string) Pairs { return Pairs{rest: s} }

// Extension walks the pairs of the extension of a CEF or LEEF line.
func Extension(line *envelope.Line) Pairs {
	if line.Product.Form == envelope.LEEF {
		return Pairs{rest: line.Payload, shape: delimited, sep: line.Product.Delimiter}
	}
	return Pairs{rest: line.Payload, shape: extension}
}

// Next moves to the next pair; false is the end.
func (p *Pairs) Next() bool {
	switch p.shape {
	case extension:
		return p.nextExtension()
	case delimited:
		return p.nextDelimited()
	}
	return p.nextBlanks()
}

func (p *Pairs) nextBlanks() bool {
	s := p.rest
	for i := 0; ; {
		for i < len(s) && between(s[i]) {
			i++
		}
		start := i
		for i < len(s) && s[i] != '=' && s[i] != '"' && !between(s[i]) {
			i++
		}
		switch {
		case i >= len(s):
			p.rest = ""
			return false
		case s[i] == '"': // a quoted text that is nobody's value
			i = closing(s, i+1)
			continue
		case s[i] != '=' || i == start:
			i++
			continue
		}
		p.Key = s[start:i]
		i++
		start = i
		if i < len(s) && s[i] == '"' {
			end := closing(s, i+1)
			if p.Cut = end > len(s); p.Cut {
				end = len(s) + 1
			}
			p.Value, p.rest = s[i+1:end-1], s[min(end, len(s)):]
			return true
		}
		for i < len(s) && !between(s[i]) {
			i++
		}
		p.Value, p.rest, p.Cut = s[start:i], s[i:], i == len(s)
		return true
	}
}

// closing returns the position behind the quote that closes what begins at i,
// or one beyond len(s)+0 if nothing does.
func closing(s string, i int) int {
	for ; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s) + 1
}

func between(c byte) bool { return c == ' ' || c == '\t' || c == ',' || c == ';' }

// nextExtension reads up to the "=" and then to the last blank before the next
// "=" that no backslash guards.
func (p *Pairs) nextExtension() bool {
	s := strings.TrimLeft(p.rest, " \t")
	eq := strings.IndexByte(s, '=')
	if eq < 0 {
		p.rest = ""
		return false
	}
	p.Key = s[strings.LastIndexByte(s[:eq], ' ')+1 : eq]
	s = s[eq+1:]
	end, quoted := 0, false
	for last := -1; ; end++ { // last blank so far
		if end == len(s) {
			break
		}
		switch c := s[end]; {
		case c == '\\':
			if end++; end == len(s) {
				end--
			}
			continue
		case c == '"' && (end == 0 || quoted):
			quoted = !quoted
			continue
		case quoted:
			continue
		case c == ' ':
			last = end
			continue
		case c != '=' || last < 0 || last+1 == end:
			continue
		}
		end = last
		break
	}
	p.Value, p.rest, p.Cut = strings.TrimRight(s[:end], " "), s[end:], end == len(s)
	if n := len(p.Value); n >= 2 && p.Value[0] == '"' && p.Value[n-1] == '"' {
		p.Value, p.Cut = p.Value[1:n-1], false
	}
	return true
}

func (p *Pairs) nextDelimited() bool {
	for p.rest != "" {
		pair, rest, more := strings.Cut(p.rest, p.sep)
		p.rest = rest
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			continue
		}
		p.Key, p.Value, p.Cut = strings.TrimSpace(key), strings.TrimSpace(value), !more
		return true
	}
	return false
}

// Split fills fields with the values of a separated line, quotes taken off, and
// returns how many it has; those beyond len(fields) are left out. In a value
// that begins with a double quote the separator is text; a doubled quote stays
// doubled. An array on the caller's stack costs nothing:
//
//	var f [32]string
//	n := parse.Split(f[:], s, ',')
func Split(fields []string, s string, sep byte) (n int) {
	for n < len(fields) {
		if s != "" && s[0] == '"' {
			i := 1
			for i < len(s) && (s[i] != '"' || i+1 < len(s) && s[i+1] == '"') {
				if s[i] == '"' {
					i++
				}
				i++
			}
			fields[n] = s[1:min(i, len(s))]
			n++
			i++
			for i < len(s) && s[i] != sep {
				i++
			}
			if i >= len(s) {
				return n
			}
			s = s[i+1:]
			continue
		}
		i := strings.IndexByte(s, sep)
		if i < 0 {
			fields[n] = s
			return n + 1
		}
		fields[n] = s[:i]
		n++
		s = s[i+1:]
	}
	return n
}

// HostPort cuts 192.0.2.7:443 and [2001:db8::1]:443; IPv6 without brackets is
// left whole.
func HostPort(s string) (host, port string) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.IndexByte(s, ':') != i && s[0] != '[' {
		return s, ""
	}
	if s[0] == '[' && s[i-1] != ']' {
		return s, ""
	}
	return s[:i], s[i+1:]
}
