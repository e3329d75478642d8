// Package mmdb answers from any file in MaxMind's DB format that the user has:
// GeoLite2-ASN, GeoLite2-Country or -City, IPinfo Lite, DB-IP Lite and the
// like. It knows their keys; other files open but answer nothing.
//
// Format: https://maxmind.github.io/MaxMind-DB/
package mmdb

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/whoknocks/whoknocks/services/enrich/internal/source"
)

// Source is one open file: read-only and safe for concurrent use. The file is
// mapped into memory and unmapped when the Source is garbage; replace it by
// renaming a new one over it, never by writing into it.
type Source struct {
	db   *maxminddb.Reader
	asOf time.Time
}

// Open opens the file. It does not verify the whole of it: the library's check
// refuses some good files over an empty description, and lookups are checked
// one by one anyway.
func Open(file string) (*Source, error) {
	db, err := maxminddb.Open(file)
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", file, err)
	}
	s := &Source{db: db}
	if db.Metadata.BuildEpoch > 0 {
		s.asOf = db.Metadata.BuildTime().UTC()
	}
	return s, nil
}

// AsOf is when the file was built.
func (s *Source) AsOf() time.Time { return s.asOf }

// Type is the file's own name for what it holds, such as "GeoLite2-ASN".
func (s *Source) Type() string { return source.Text(s.db.Metadata.DatabaseType) }

// Lookup returns what the file holds about addr. A damaged record counts as
// none. It decodes the whole record, some microseconds: callers remember it.
func (s *Source) Lookup(addr netip.Addr) (source.Fact, bool) {
	if addr.Is6() && s.db.Metadata.IPVersion == 4 {
		return source.Fact{}, false
	}
	res := s.db.Lookup(addr)
	if res.Err() != nil || !res.Found() {
		return source.Fact{}, false
	}
	var rec map[string]any
	if err := res.Decode(&rec); err != nil {
		return source.Fact{}, false
	}
	f := source.Fact{AsOf: s.asOf}
	f.ASN = number(rec, "autonomous_system_number", "asn", "as_number")
	f.ASName = text(rec, "autonomous_system_organization", "as_name", "as_organization", "asname")
	f.Country = country(rec)
	if f.ASN == 0 && f.Country == "" {
		return source.Fact{}, false
	}
	if f.ASN != 0 {
		f.Network = res.Prefix()
	}
	return f, true
}

// number reads 15169, "15169" or "AS15169" under the first key that has one.
func number(rec map[string]any, keys ...string) uint32 {
	for _, k := range keys {
		switch v := rec[k].(type) {
		case uint64:
			if v <= 1<<32-1 {
				return uint32(v)
			}
		case string:
			v = strings.TrimPrefix(strings.ToUpper(v), "AS")
			if n, err := strconv.ParseUint(v, 10, 32); err == nil {
				return uint32(n)
			}
		}
	}
	return 0
}

func text(rec map[string]any, keys ...string) string {
	for _, k := range keys {
		if v, ok := rec[k].(string); ok && v != "" {
			return source.Text(v)
		}
	}
	return ""
}

// country prefers where the block is registered to where its user is thought to
// be: it is the owner that the country belongs to.
func country(rec map[string]any) string {
	for _, k := range []string{"registered_country", "country"} {
		switch v := rec[k].(type) {
		case map[string]any:
			code, _ := v["iso_code"].(string)
			if c, ok := source.Country(code); ok {
				return c
			}
		case string:
			if c, ok := source.Country(v); ok {
				return c
			}
		}
	}
	c, _ := source.Country(text(rec, "country_code"))
	return c
}
