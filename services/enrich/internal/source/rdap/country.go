package rdap

import (
	_ "embed"
	"strings"
	"sync"

	"github.com/whoknocks/whoknocks/services/enrich/internal/source"
)

// countriesText has a code of ISO 3166 and an English name a line, some codes
// more than once. The names are those of the time zone database, which is in the
// public domain, and of ISO where they differ.
//
//go:embed countries.txt
var countriesText string

var countries = sync.OnceValue(func() map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(countriesText) {
		code, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		m[strings.ToLower(name)] = code
	}
	return m
})

// countryOf reads a code, or the name of a country as ARIN ends its addresses
// with: "United States". It returns "" for anything else.
func countryOf(s string) string {
	if c, ok := source.Country(s); ok {
		return c
	}
	if len(s) > source.MaxText {
		return ""
	}
	return countries()[strings.ToLower(source.Text(s))]
}
