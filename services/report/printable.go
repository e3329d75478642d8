package report

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable returns what strangers wrote (names of owners and ASes, labels,
// log lines) so that it only ever is text to a terminal, a page or a sheet:
// one line, valid UTF-8, and without the characters that move the cursor,
// change colours, or turn the direction of what follows. Everything visible
// stays as it is.
func Printable(s string) string {
	if clean(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s { // a broken byte arrives as U+FFFD and stays visible
		switch {
		case unicode.IsSpace(r): // also NEL, LINE SEPARATOR and the like
			b.WriteByte(' ')
		case harmless(r):
			b.WriteRune(r)
		}
	}
	return strings.TrimSpace(b.String())
}

// clean reports the usual case, printable ASCII without a margin.
func clean(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s == "" || s[0] != ' ' && s[len(s)-1] != ' '
}

// harmless reports whether r only shows a glyph: it is no control (Cc), no
// format character such as RIGHT-TO-LEFT OVERRIDE or ZERO WIDTH SPACE (Cf), not
// private (Co), not half a pair (Cs), no separator of lines or paragraphs, and
// assigned at all.
func harmless(r rune) bool { return r == ' ' || unicode.IsGraphic(r) && !unicode.IsSpace(r) }

// cut shortens s to at most n characters, the last of them an ellipsis then.
func cut(s string, n int) string {
	if len(s) <= n || utf8.RuneCountInString(s) <= n {
		return s
	}
	runes := []rune(s)
	return string(runes[:n-1]) + "…"
}
