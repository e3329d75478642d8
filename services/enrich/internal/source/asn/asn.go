// Package asn answers which autonomous system announces an address, from CSV
// data such as asn-ipv4.csv of ip-location-db:
//
//	192.0.2.0,192.0.2.255,64496,"Example Networks, Inc."
//
// The data says who routes a block, not whose it is: a cache inside a carrier's
// space looks like the carrier.
package asn

import (
	"bytes"
	"iter"
	"net/netip"
	"strconv"
	"time"

	"github.com/whoknocks/whoknocks/services/enrich/internal/source"
	"github.com/whoknocks/whoknocks/services/enrich/internal/table"
)

// Source is the loaded data: read-only and safe for concurrent use.
type Source struct {
	t    *table.Table[uint32] // index in list
	list []system
}

type system struct {
	number uint32
	name   string
}

// Load reads the files. It takes about a second for 515,000 rows; every name is
// held once.
func Load(files ...string) (*Source, error) {
	s := &Source{list: make([]system, 0, 1<<16)}
	index := make(map[string]uint32, 1<<17) // by what stands in the row
	t, err := table.Load(func(rest []byte) (uint32, bool) {
		if i, ok := index[string(rest)]; ok {
			return i, true
		}
		digits, name, _ := bytes.Cut(rest, []byte{','})
		n, err := strconv.ParseUint(string(table.Unquote(digits)), 10, 32)
		if err != nil {
			return 0, false
		}
		i := uint32(len(s.list))
		s.list = append(s.list, system{number: uint32(n), name: source.Text(string(table.Unquote(name)))})
		index[string(rest)] = i
		return i, true
	}, files...)
	if err != nil {
		return nil, err
	}
	s.t = t
	return s, nil
}

// Lookup returns what the data holds about addr.
func (s *Source) Lookup(addr netip.Addr) (source.Fact, bool) {
	p, i, ok := s.t.LookupPrefix(addr)
	if !ok || s.list[i].number == 0 {
		return source.Fact{}, false
	}
	return source.Fact{Network: p, ASN: s.list[i].number, ASName: s.list[i].name, AsOf: s.t.AsOf()}, true
}

// AsOf is the date of the data, Rows its size.
func (s *Source) AsOf() time.Time { return s.t.AsOf() }

// Rows is the number of rows loaded.
func (s *Source) Rows() int { return s.t.Rows() }

// Networks yields every prefix of the data that somebody announces, in no order
// that may be relied on, with the number and the name of who does. A prefix may
// hold longer ones of others.
func (s *Source) Networks() iter.Seq2[netip.Prefix, source.Fact] {
	return func(yield func(netip.Prefix, source.Fact) bool) {
		for p, i := range s.t.All() {
			if as := s.list[i]; as.number != 0 && !yield(p, source.Fact{Network: p, ASN: as.number, ASName: as.name}) {
				return
			}
		}
	}
}
