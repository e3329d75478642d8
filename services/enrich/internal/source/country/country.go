// Package country answers in which country an address is registered, from CSV
// data such as geo-whois-asn-country-ipv4.csv of ip-location-db:
//
//	192.0.2.0,192.0.2.255,NL
package country

import (
	"bytes"
	"net/netip"
	"time"

	"github.com/whoknocks/whoknocks/services/enrich/internal/source"
	"github.com/whoknocks/whoknocks/services/enrich/internal/table"
)

// Source is the loaded data: read-only and safe for concurrent use.
type Source struct {
	t     *table.Table[uint16]
	codes []string // by index in the table
}

// Load reads the files.
func Load(files ...string) (*Source, error) {
	s := &Source{}
	index := map[string]uint16{}
	t, err := table.Load(func(rest []byte) (uint16, bool) {
		field, _, _ := bytes.Cut(rest, []byte{','})
		code, ok := source.Country(string(table.Unquote(field)))
		if !ok {
			return 0, false
		}
		i, known := index[code]
		if !known {
			i = uint16(len(s.codes)) // at most 26*26 codes
			index[code], s.codes = i, append(s.codes, code)
		}
		return i, true
	}, files...)
	if err != nil {
		return nil, err
	}
	s.t = t
	return s, nil
}

// Lookup returns what the data holds about addr: a country and nothing else.
func (s *Source) Lookup(addr netip.Addr) (source.Fact, bool) {
	i, ok := s.t.Lookup(addr)
	if !ok {
		return source.Fact{}, false
	}
	return source.Fact{Country: s.codes[i], AsOf: s.t.AsOf()}, true
}

// AsOf is the date of the data.
func (s *Source) AsOf() time.Time { return s.t.AsOf() }

// Rows is the number of rows loaded.
func (s *Source) Rows() int { return s.t.Rows() }
