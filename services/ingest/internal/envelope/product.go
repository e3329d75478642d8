package envelope

import "strings"

// Product is the header of a CEF or LEEF line: which product of which vendor
// tells what. The zero value is a line that is neither.
type Product struct {
	Form      Form
	Vendor    string
	Name      string // of the product
	Event     string // id of the event's kind
	Title     string // of the event; CEF only
	Severity  string // CEF only
	Delimiter string // between the pairs of LEEF
}

// Form is how the pairs of a Product's line are written.
type Form uint8

// The forms. CEF is ArcSight's Common Event Format, LEEF is IBM's Log Event
// Extended Format.
const (
	_ Form = iota
	CEF
	LEEF
)

// product takes the header of CEF and LEEF off the payload:
//
//	CEF:0|vendor|product|version|event|title|severity|k=v k=v
//	LEEF:1.0|vendor|product|version|event|k=v<TAB>k=v
//	LEEF:2.0|vendor|product|version|event|^|k=v^k=v
//	LEEF:2.0|vendor|product|version|event|k=v<TAB>k=v
//
// The last is no LEEF 2.0, but Check Point writes it. Some relays take "CEF:" for a program's name and drop it. A bar in a value is
// guarded by a backslash, which stays.
func (l *Line) product() {
	s := l.Payload
	if len(s) < 8 {
		return
	}
	form := CEF
	switch {
	case strings.HasPrefix(s, "CEF:"):
		s = strings.TrimLeft(s[len("CEF:"):], " ")
	case strings.HasPrefix(s, "LEEF:"):
		form, s = LEEF, strings.TrimLeft(s[len("LEEF:"):], " ")
	case s[0] == '0' && s[1] == '|':
	case (s[0] == '1' || s[0] == '2') && strings.HasPrefix(s[1:], ".0|"):
		form = LEEF
	default:
		return
	}
	var f [7]string
	want := 7
	if form == LEEF {
		if want = 5; s[0] == '2' {
			want = 6
		}
	}
	for i := range want {
		n := bar(s)
		if i == 5 && form == LEEF && (n < 0 || n > 1 && strings.IndexByte(s[:n], '=') >= 0) {
			break
		}
		if n < 0 {
			return
		}
		f[i], s = s[:n], s[n+1:]
	}
	p := Product{Form: form, Vendor: f[1], Name: f[2], Event: f[4]}
	if form == CEF {
		p.Title, p.Severity = f[5], f[6]
	} else {
		p.Delimiter = delimiter(f[5], s)
	}
	l.Product, l.Payload = p, s
}

// bar finds the next bar that no backslash guards.
func bar(s string) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '|':
			return i
		}
	}
	return -1
}

// delimiter is what separates the pairs: the character that LEEF 2.0 names, by
// itself or as 0x5E, or else a tab, which rsyslog writes as #011.
func delimiter(named, pairs string) string {
	switch {
	case len(named) == 1:
		return named
	case strings.EqualFold(named, "0x09") || named == "x09": // a tab, however it is written
	case len(named) > 1 && len(named) <= 4 && strings.HasPrefix(strings.TrimPrefix(named, "0"), "x"):
		hex := strings.TrimPrefix(strings.TrimPrefix(named, "0"), "x")
		v := 0
		for _, c := range []byte(hex) {
			d := strings.IndexByte("0123456789abcdef", c|0x20)
			if c-'0' <= 9 {
				d = int(c - '0')
			}
			if d < 0 {
				v = 0
				break
			}
			v = 16*v + d
		}
		if v > 0 && v < 0x80 {
			return string(rune(v))
		}
	}
	if strings.IndexByte(pairs, '\t') < 0 && strings.Contains(pairs, "#011") {
		return "#011"
	}
	return "\t"
}
