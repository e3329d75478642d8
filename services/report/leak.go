package report

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// LeakError says that something meant for publishing would have shown a whole
// address. Whose it is does not matter: of the sources only masked ones belong
// there, and none of the user's own. A log line holds one, too.
type LeakError struct {
	File, Address string
}

func (e *LeakError) Error() string {
	return fmt.Sprintf("nothing is published: %s would show the address %s", e.File, e.Address)
}

// leak returns a whole address that text shows, or "".
func leak(text string) string {
	text = strings.ReplaceAll(text, `\`, "") // what Markdown puts before a mark
	if found := addresses(text); len(found) > 0 {
		return text[found[0][0]:found[0][1]]
	}
	return ""
}

// hiddenAddress stands where a name had an address in it.
const hiddenAddress = "[address]"

// conceal takes the addresses out of a text of strangers: registrants are called
// "Customer 192.0.2.1", too.
func conceal(s string) string {
	var b strings.Builder
	from := 0
	for _, at := range addresses(s) {
		b.WriteString(s[from:at[0]] + hiddenAddress)
		from = at[1]
	}
	return b.String() + s[from:]
}

var (
	// numbers are four or more with dots between them, or what names of hosts have
	// instead: 192-0-2-1.
	numbers = regexp.MustCompile(`[0-9]+(?:[._-][0-9]+){3,}`)
	// colons may be an address of IPv6.
	colons = regexp.MustCompile(`[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f]*(?:\.[0-9]+){0,3}`)
)

// addresses returns where in s are whole addresses, in order and apart.
func addresses(s string) (found [][]int) {
	for _, at := range colons.FindAllStringIndex(s, -1) {
		if isIPv6(s[at[0]:at[1]], s[at[1]:]) {
			found = append(found, at)
		}
	}
	for _, at := range numbers.FindAllStringIndex(s, -1) {
		if isIPv4(s[at[0]:at[1]]) {
			found = append(found, at)
		}
	}
	slices.SortFunc(found, func(a, b []int) int { return cmp.Compare(a[0], b[0]) })
	apart := found[:0]
	for _, at := range found {
		if n := len(apart); n > 0 && at[0] < apart[n-1][1] {
			apart[n-1][1] = max(apart[n-1][1], at[1])
			continue
		}
		apart = append(apart, at)
	}
	return apart
}

// isIPv4 says that four numbers of text in a row make an address.
func isIPv4(text string) bool {
	octets := 0
	for number := range strings.FieldsFuncSeq(text, func(r rune) bool { return r < '0' || r > '9' }) {
		octets++
		if number = strings.TrimLeft(number, "0"); len(number) > 3 || len(number) == 3 && number > "255" {
			octets = 0
		}
		if octets == 4 {
			return true
		}
	}
	return false
}

// isIPv6 says that text is an address, whatever it touches in front, and not the
// beginning of a word.
func isIPv6(text, behind string) bool {
	if r, _ := utf8.DecodeRuneInString(behind); unicode.IsLetter(r) {
		return false
	}
	groups := strings.Split(text, ":")
	if n := len(groups[0]); n > 4 {
		groups[0] = groups[0][n-4:]
	}
	whole := strings.Join(groups, ":")
	for _, s := range []string{whole, strings.TrimPrefix(whole, ":"), strings.TrimSuffix(whole, ":")} {
		if addr, err := netip.ParseAddr(s); err == nil && !addr.IsUnspecified() {
			return true
		}
	}
	return false
}
