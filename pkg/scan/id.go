package scan

import (
	"fmt"
	"strconv"
)

// String returns id as 16 lower-case hexadecimal digits.
func (id ID) String() string { return string(id.append(nil)) }

func (id ID) append(dst []byte) []byte {
	for shift := 60; shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[id>>shift&15])
	}
	return dst
}

// ParseID reads the text that [ID.String] writes; upper-case digits will do.
func ParseID(s string) (ID, error) {
	if id, ok := parseID([]byte(s)); ok {
		return id, nil
	}
	return 0, fmt.Errorf("id %s: not 16 hexadecimal digits", quote([]byte(s)))
}

func parseID(b []byte) (ID, bool) {
	if len(b) != 16 {
		return 0, false
	}
	return hexadecimal[ID](b)
}

// hexadecimal reads digits of either case, no more of them than fit into T.
func hexadecimal[T ID | rune](b []byte) (v T, ok bool) {
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		v = v<<4 | T(c)
	}
	return v, true
}

// maxQuote is how many bytes of bad input an error message shows: it was
// written by attackers.
const maxQuote = 60

func quote(b []byte) string {
	if len(b) <= maxQuote {
		return strconv.Quote(string(b))
	}
	return strconv.Quote(string(b[:maxQuote])) + "..."
}
