package name

import (
	"strings"
	"unicode"
)

// IsAddress says whether a line of a description looks like a part of a postal
// address rather than a name: a street with its number, or a postcode. Some
// holders write their address, and nothing else, where their name belongs.
func IsAddress(s string) bool {
	if !strings.ContainsAny(s, "0123456789") || hasForm(s) {
		return false
	}
	fields := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' || r == ';' })
	number, street := false, false
	for i, w := range fields {
		low := strings.ToLower(w)
		if houseNumber(low) {
			number = true
		}
		if streets[strings.Trim(low, ".")] || hasSuffix(low, "strasse", "straße", "str.", "straat", "gasse", "gatan", "weg", "laan", "plein", "vägen") {
			street = true
		}
		if postcode(w) && len(fields) > 1 && (i == 0 || i == len(fields)-1) && i+1 <= 2 {
			return true // "D-85774 Unterfoehring", "London 12345"
		}
	}
	return number && street
}

// houseNumber fits 10, 10B, #10, no.10, 12-14, 4F.
func houseNumber(w string) bool {
	w = strings.TrimPrefix(strings.TrimLeft(w, "#"), "no.")
	if w == "" || w[0] < '0' || w[0] > '9' {
		return false
	}
	letter := 0
	for _, r := range w {
		switch {
		case unicode.IsDigit(r) || r == '-' || r == '/' || r == '.':
		case unicode.IsLetter(r):
			letter++
		default:
			return false
		}
	}
	return letter <= 2
}

// postcode fits 85774, D-85774, CH-8000 and 101-0047, and no year.
func postcode(w string) bool {
	digits, letters := 0, 0
	for i, r := range w {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r == '-':
		case unicode.IsUpper(r) && i < 2:
			letters++
		default:
			return false
		}
	}
	if letters > 0 && !strings.HasPrefix(w[letters:], "-") {
		return false // AS64496
	}
	return digits <= 7 && (digits >= 5 || digits == 4 && letters > 0)
}

func hasSuffix(s string, suffixes ...string) bool {
	for _, x := range suffixes {
		if strings.HasSuffix(s, x) {
			return true
		}
	}
	return false
}

var streets = set(
	"street", "st", "road", "rd", "avenue", "ave", "av", "lane", "boulevard", "blvd", "drive", "dr", "way", "parkway", "pkwy", "square", "plaza", "court",
	"floor", "fl", "suite", "ste", "building", "bldg", "box", "room",
	"rue", "via", "viale", "piazza", "calle", "carrer", "paseo", "rua", "avenida", "strada", "str", "ulica", "ul", "utca", "jl", "jalan", "sec", "sok", "cad", "km",
)
