package family

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/whoknocks/whoknocks/services/enrich/internal/name"
)

// What is read of a name and what is kept of it, in bytes. Names come from
// strangers; no company needs more.
const maxRead, maxFold = 1024, 256

// Fold is the name as it is compared: words of lower-case letters and digits
// without accents, punctuation, legal forms and AS numbers. "AS64496 - ÅCME,
// s.r.o." is "acme". It is empty only where the name has no letter or digit, and
// Fold(Fold(s)) is Fold(s).
func Fold(s string) string { return strings.Join(fold(s), " ") }

func fold(s string) []string {
	if len(s) > maxRead {
		s = s[:maxRead]
	}
	s = label(s)
	words := strings.Fields(letters(s))
	for n := -1; n != len(words); {
		n = len(words)
		if n > 1 && number(words[0]) {
			words = words[1:]
		}
		words = name.WithoutForm(words)
	}
	return words
}

// label takes off what registries put before a name: "AS64496 - Name",
// "NAME-AS-AP - Name", and the name itself once more.
func label(s string) string {
	first, rest, ok := strings.Cut(s, " - ")
	if !ok {
		return s
	}
	up := strings.ToUpper(first)
	if !strings.Contains(first, " ") && (number(strings.ToLower(first)) || strings.Contains(up, "-AS") || strings.HasSuffix(up, "-AP")) {
		return rest
	}
	if rest = strings.TrimSpace(rest); rest != "" && strings.HasPrefix(first, rest) {
		return first
	}
	return s
}

// number fits as64496.
func number(w string) bool {
	return len(w) > 2 && strings.HasPrefix(w, "as") && strings.Trim(w[2:], "0123456789") == ""
}

// letters maps s to lower-case letters and digits with single spaces between.
func letters(s string) string {
	if !ascii(s) {
		s = norm.NFKD.String(strings.ToValidUTF8(s, " "))
	}
	var b strings.Builder
	b.Grow(min(len(s), maxFold))
	run := 0 // letters since the last space or dot
	for i, r := range s {
		if b.Len() >= maxFold-utf8.UTFMax {
			break
		}
		switch {
		case r < utf8.RuneSelf && (r >= 'a' && r <= 'z' || r >= '0' && r <= '9'):
			b.WriteByte(byte(r))
			run++
		case r >= 'A' && r <= 'Z':
			b.WriteByte(byte(r) + 'a' - 'A')
			run++
		case r == '.' || r == '/': // S.p.A. and A/S are one word, Pvt.Ltd two
			if run != 1 || r == '/' && !single(s[i+1:]) {
				b.WriteByte(' ')
			}
			run = 0
		case r == '&' && inside(s, i): // AT&T
		case r == '\'' || r == '`' || r == '’' || r == '´': // d'Ivoire
		case r < utf8.RuneSelf || unicode.Is(unicode.Mn, r):
			if r < utf8.RuneSelf {
				b.WriteByte(' ')
				run = 0
			}
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			r = unicode.ToLower(r)
			if plain, ok := plainLetters[r]; ok {
				b.WriteString(plain)
			} else {
				b.WriteRune(r)
			}
			run++
		default:
			b.WriteByte(' ')
			run = 0
		}
	}
	return b.String()
}

// single says that s begins with a letter that stands alone.
func single(s string) bool {
	if s == "" {
		return false
	}
	letter := func(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
	return letter(s[0]) && (len(s) == 1 || !letter(s[1]))
}

// inside says that the byte at i stands between two letters or digits.
func inside(s string, i int) bool {
	other := func(c byte) bool { return c < '0' || c > '9' && c|0x20 < 'a' || c|0x20 > 'z' }
	return i > 0 && i+1 < len(s) && !other(s[i-1]) && !other(s[i+1])
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// plainLetters are letters that do not decompose.
var plainLetters = map[rune]string{
	'ß': "ss", 'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'æ': "ae", 'œ': "oe", 'ı': "i", 'ħ': "h", 'ŧ': "t", 'ŋ': "n", 'ĸ': "k",
}
