// Package name makes the names that people know from the names that stand in
// registrations: "Example Networks, Inc." is "Example Networks".
package name

import (
	"strings"
	"unicode"
)

// Short takes the legal form off the end of a company's name, and what joins
// it. A name that is nothing but legal forms keeps its first word.
func Short(s string) string {
	s = strings.TrimSpace(s)
	for {
		rest := strings.TrimRightFunc(s[:formAt(s)], joins)
		if rest == "" {
			return s
		}
		s = rest
	}
}

// joins tells what stands between a name and its legal form.
func joins(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",;(-&", r) }

// System makes a short name of an AS name, some of which repeat their number:
// "AS64496 - Example, Inc."
func System(s string) string {
	if first, rest, ok := strings.Cut(s, " - "); ok && strings.HasPrefix(first, "AS") && strings.Trim(first[2:], "0123456789") == "" {
		s = rest
	}
	return Short(s)
}

// formAt returns where the legal form that ends s begins, or 0. A form of up to
// four words counts: "de C.V.", "sp. z o.o.", and "B. V." spaced out.
func formAt(s string) int {
	at, end, tail := 0, len(s), ""
	for range 4 {
		i := strings.LastIndexAny(s[:end], " ,(")
		if i <= 0 {
			break
		}
		tail = letters(s[i+1:end]) + tail
		if forms[tail] {
			at = i
		}
		end = len(strings.TrimRight(s[:i], " ,("))
	}
	return at
}

// letters is the word in lower case without dots, slashes and brackets:
// "S.p.A." and "SpA" are one form, as are "A/S" and "AS".
func letters(word string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '.', ',', '(', ')', '/', '"', '\'':
			return -1
		}
		return r
	}, strings.ToLower(word))
}

// forms are legal forms as letters writes them. Those that are words of a
// common language as well ("as", "co", "sa") count at the end of a name only,
// which is where they are looked for.
var forms = set(
	// English
	"inc", "incorporated", "corp", "corporation", "co", "company", "llc", "llp", "lp", "ltd", "limited", "plc", "pty", "pte", "pvt", "private",
	// German, Dutch, Scandinavian, Finnish
	"gmbh", "mbh", "ag", "kg", "kgaa", "ug", "haftungsbeschrankt", "haftungsbeschränkt", "ek", "ev", "bv", "nv", "vof", "cv", "ab", "as", "asa", "aps", "hf", "ehf", "oy", "oyj",
	// Romance
	"sa", "sas", "sasu", "sarl", "srl", "spa", "sl", "slu", "sagl", "ltda", "lda", "eireli", "me", "sac", "eirl", "decv", "derl", "derldecv",
	// Eastern Europe, Baltic, Turkey
	"sro", "doo", "dd", "zoo", "spzoo", "spk", "kft", "zrt", "nyrt", "ood", "eood", "ead", "ooo", "zao", "oao", "pao", "pjsc", "cjsc", "jsc", "tov", "uab", "sia", "ou", "oü", "aş",
	// Asia, Africa
	"kk", "bhd", "sdnbhd", "tbk",
	// Written out, and rarer ones
	"se", "gesellschaftmitbeschrankterhaftung", "gesellschaftmitbeschraenkterhaftung", "aktiengesellschaft", "ohg", "eg", "bvba", "spolkaakcyjna", "spka", "spzook",
	"anonimsirketi", "ltdsti", "limitedsirketi", "aktiebolag", "osakeyhtio", "snc", "scpa", "saa", "sau", "saic", "dooel", "shpk", "jllc", "jointstockcompany", "openjointstockcompany",
	"limitedliabilitycompany", "publiccompanylimited", "publicjointstockcompany", "fzllc", "fzco", "fze", "wll", "bsc", "qsc", "psc", "saoc", "saog", "ulc",
)

// leading are the legal forms that stand before a name.
var leading = set(
	"pt", "ooo", "oao", "zao", "pao", "ao", "llc", "jsc", "cjsc", "ojsc", "pjsc", "ltd", "tov", "uab", "sia", "too", "sc", "firma", "limited",
	"limitedliabilitycompany", "limitedcompany", "jointstockcompany", "publicjointstockcompany", "closedjointstockcompany", "openjointstockcompany", "privatejointstockcompany",
)

// WithoutForm takes the legal forms off both ends of a name that is given as
// words of lower-case letters and digits. At least one word stays. The result
// shares memory with words.
func WithoutForm(words []string) []string {
	for n := -1; n != len(words); {
		n = len(words)
		for k := min(5, n-1); k > 0; k-- {
			if joined(forms, words[n-k:]) {
				words = words[:n-k]
				break
			}
		}
		for k := min(4, len(words)-1); k > 0; k-- {
			if joined(leading, words[:k]) {
				words = words[k:]
				break
			}
		}
	}
	return words
}

// joined says whether the words as one are in m.
func joined(m map[string]bool, words []string) bool {
	var buf [48]byte
	b := buf[:0]
	for _, w := range words {
		if len(b)+len(w) > len(buf) {
			return false
		}
		b = append(b, w...)
	}
	return m[string(b)]
}

// A legal form marks a line as a company's name even where it has a number.
func hasForm(s string) bool {
	for word := range strings.FieldsSeq(s) {
		if l := letters(word); len(l) > 1 && l != "as" && l != "me" && l != "co" && forms[l] {
			return true
		}
	}
	return false
}

func set(words ...string) map[string]bool {
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return m
}
