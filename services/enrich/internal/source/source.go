// Package source holds what the sources of facts have in common: the fact
// itself and the cleaning of text that strangers wrote. Each folder below it is
// one source and knows nothing of the others; which of them wins is decided by
// the service.
package source

import (
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Fact is what local data says about an address. Zero fields are not known.
type Fact struct {
	Network netip.Prefix // what the answer covers
	ASN     uint32
	ASName  string
	Country string    // ISO 3166 alpha-2
	AsOf    time.Time // date of the data
}

// MaxText is the most bytes of one name, country or description that is kept.
const MaxText = 256

// Text makes a value from outside fit to be stored and shown: valid UTF-8 (what
// is not is read as ISO-8859-1), control characters become spaces, runs of
// spaces become one, at most MaxText bytes, cut between characters.
func Text(s string) string {
	if clean(s) {
		return s
	}
	if !utf8.ValidString(s) {
		r := make([]rune, 0, min(len(s), 2*MaxText))
		for i := 0; i < len(s) && i < 2*MaxText; i++ {
			r = append(r, rune(s[i]))
		}
		s = string(r)
	}
	var b strings.Builder
	space := false
	for _, r := range s {
		if unicode.IsSpace(r) || unicode.IsControl(r) || r == utf8.RuneError || unicode.Is(unicode.Cf, r) {
			space = true
			continue
		}
		need := utf8.RuneLen(r)
		if space && b.Len() > 0 {
			need++
		}
		if b.Len()+need > MaxText {
			break
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		b.WriteRune(r)
	}
	return b.String()
}

// clean says whether Text has nothing to do: short printable ASCII without
// doubled or outer spaces.
func clean(s string) bool {
	if len(s) > MaxText {
		return false
	}
	space := true
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ' ':
			if space {
				return false
			}
			space = true
		case c < ' ' || c > '~':
			return false
		default:
			space = false
		}
	}
	return !space || s == ""
}

// Country reads an ISO 3166 alpha-2 code, in either case. Codes that are no
// country (EU and AP stand for regions, ZZ for unknown) are refused.
func Country(s string) (string, bool) {
	s = strings.ToUpper(strings.TrimSpace(s))
	if len(s) != 2 || s[0] < 'A' || s[0] > 'Z' || s[1] < 'A' || s[1] > 'Z' {
		return "", false
	}
	switch s {
	case "EU", "AP", "ZZ", "XX":
		return "", false
	case "UK": // not the code, but written by some holders
		return "GB", true
	}
	return s, true
}
