package scan

import (
	"math/bits"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// plain returns how many leading bytes of s stand for themselves in a JSON
// string: printable ASCII without the quote and the backslash. It looks at
// eight bytes at a time. A byte that is not plain sets the high bit of its own
// lane and may upset the lanes above by a borrow, so the lowest one is exact.
func plain[T string | []byte](s T) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x80 * ones
	)
	if len(s) < 8 {
		return plainBytes(s)
	}
	for i := 0; i < len(s); i += 8 {
		i = min(i, len(s)-8) // the last eight overlap those before, which were plain
		b := s[i : i+8]
		w := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		m := (w | (w - ' '*ones) | ((w ^ '"'*ones) - ones) | ((w ^ '\\'*ones) - ones)) & highs
		if m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	return len(s)
}

// plainBytes is plain a byte at a time, for short texts.
func plainBytes[T string | []byte](s T) int {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return i
		}
	}
	return len(s)
}

// appendString writes s as a JSON string. Each byte that is not UTF-8 becomes
// U+FFFD, as encoding/json has it.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for {
		n := plain(s)
		dst = append(dst, s[:n]...)
		if n == len(s) {
			return append(dst, '"')
		}
		dst, s = appendSpecial(dst, s[n:])
	}
}

// appendSpecial writes the first character of s, which is not plain, and
// returns what follows it.
func appendSpecial(dst []byte, s string) ([]byte, string) {
	c := s[0]
	if c >= utf8.RuneSelf {
		r, n := utf8.DecodeRuneInString(s)
		return utf8.AppendRune(dst, r), s[n:] // an invalid byte is RuneError of size 1
	}
	switch c {
	case '"', '\\':
		dst = append(dst, '\\', c)
	case '\n':
		dst = append(dst, `\n`...)
	case '\r':
		dst = append(dst, `\r`...)
	case '\t':
		dst = append(dst, `\t`...)
	default:
		dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
	return dst, s[1:]
}
