// Package rules reads owner rules: what the user knows better than any
// registry. A file says which prefixes and autonomous systems belong to an
// owner, and under which names an owner appears in registrations:
//
//	version: 1
//	owners:
//	  - name: Example
//	    source: "where this is known from"
//	    valid_from: 2012-01-01    # optional, included
//	    valid_until: 2013-01-01   # optional, not included
//	    prefixes:
//	      - 192.0.2.0/24
//	      - {prefix: 198.51.100.0/24, country: JP, carrier: Carrier, registrant: "Example, Inc.", netname: EX-NET}
//	    asns: [64496]
//	    names: ["Example*"]
//	    handles: ["ripe:ORG-EX1-RIPE"]
//	    hosts: ["*.scan.example.net"]
//
// Prefixes and AS numbers override what registries say. Names do not: they tell
// under which names a family registers, and a registrant or an AS name that fits
// keeps the source it came from.
//
// Handles are those of organisations, with the registry (arin, ripe, apnic, ...)
// that gave them; they are read before names.
//
// Hosts are patterns of confirmed reverse names, which only research projects are
// told by: whoever owns an address may rent it out, name and all.
//
// Rules with a validity count for events whose time lies in it. Among prefixes
// the longest that is valid wins; otherwise, and among equal ones, the rule
// that is read first: the first file, and the upper line.
package rules

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gaissmai/bart"
)

// Match is what a rule says about an address or a name.
type Match struct {
	Owner string
	Why   string // the file and the rule, for people
	// Set by prefix rules only, and only what the rule gives.
	Network    netip.Prefix
	Country    string
	Carrier    string
	Registrant string
	Netname    string
}

// Set is the rules of some files. It is read-only and safe for concurrent use;
// the zero Set holds no rules.
type Set struct {
	prefixes bart.Table[[]*rule]
	asns     map[uint32][]*rule
	names    []nameRule
	hosts    []nameRule
	handles  map[string][]*rule // registry:HANDLE, in upper case
	owners   int
	bounds   []int64 // every second at which some validity begins or ends, ascending
}

type rule struct {
	Match
	from, until int64 // Unix seconds; from is included, until is not
	entry       int   // the owner entry it stands in, in the order of reading
}

type nameRule struct {
	pattern string // lower case
	rule    *rule
}

func (r *rule) valid(unix int64) bool { return r.from <= unix && unix < r.until }

// Owners is the number of entries read.
func (s *Set) Owners() int { return s.owners }

// Empty says that no rule can ever match.
func (s *Set) Empty() bool { return s.owners == 0 }

// Epoch numbers the spans of time between the dates in the rules: at two times
// of one epoch the same rules are valid, so answers may be kept for an epoch.
func (s *Set) Epoch(at time.Time) int {
	if len(s.bounds) == 0 {
		return 0
	}
	i, found := slices.BinarySearch(s.bounds, at.Unix())
	if found {
		i++
	}
	return i
}

// Bounds returns the seconds at which epochs begin, ascending.
func (s *Set) Bounds() []int64 { return slices.Clone(s.bounds) }

// Addr returns what the prefix rules say about addr, which must be unmapped.
func (s *Set) Addr(addr netip.Addr, at time.Time) (Match, bool) {
	if s.prefixes.Size() == 0 || !addr.IsValid() {
		return Match{}, false
	}
	unix := at.Unix()
	for _, list := range s.prefixes.Supernets(netip.PrefixFrom(addr, addr.BitLen())) { // the longest first
		for _, r := range list {
			if r.valid(unix) {
				return r.Match, true
			}
		}
	}
	return Match{}, false
}

// AS returns what the rules say about an autonomous system by its number or by
// its name, whichever entry is read first. Within one entry the name counts,
// because a name that fits needs no override; byNumber tells which it was.
func (s *Set) AS(asn uint32, name string, at time.Time) (m Match, byNumber, ok bool) {
	named := s.named(at, name)
	for _, r := range s.asns[asn] {
		if r.valid(at.Unix()) {
			if named == nil || r.entry < named.entry {
				return r.Match, true, true
			}
			break
		}
	}
	if named == nil {
		return Match{}, false, false
	}
	return named.Match, false, true
}

// Name returns the owner whose patterns fit one of names, of which the first
// that fits any rule decides. Empty names fit nothing. It tries every pattern:
// callers remember the answer.
func (s *Set) Name(at time.Time, names ...string) (Match, bool) {
	for _, name := range names {
		if r := s.named(at, name); r != nil {
			return r.Match, true
		}
	}
	return Match{}, false
}

// Handle returns the owner of an organisation by its handle in a registry.
func (s *Set) Handle(registry, handle string, at time.Time) (Match, bool) {
	if len(s.handles) == 0 {
		return Match{}, false
	}
	for _, r := range s.handles[strings.ToUpper(registry+":"+handle)] {
		if r.valid(at.Unix()) {
			return r.Match, true
		}
	}
	return Match{}, false
}

// Hosts says whether any rule is about hosts, so that it may pay to know their
// names.
func (s *Set) Hosts() bool { return len(s.hosts) > 0 }

// Host returns the owner whose patterns of hosts fit name.
func (s *Set) Host(name string, at time.Time) (Match, bool) {
	if r := fitting(s.hosts, at, name); r != nil {
		return r.Match, true
	}
	return Match{}, false
}

func (s *Set) named(at time.Time, name string) *rule { return fitting(s.names, at, name) }

func fitting(rules []nameRule, at time.Time, name string) *rule {
	if name == "" || len(rules) == 0 {
		return nil
	}
	unix := at.Unix()
	name = strings.ToLower(name)
	for _, n := range rules {
		if n.rule.valid(unix) && glob(n.pattern, name) {
			return n.rule
		}
	}
	return nil
}

// glob says whether the pattern fits the whole of s: * stands for any text, ?
// for one byte. It takes len(pattern)*len(s) steps at most.
func glob(pattern, s string) bool {
	star, mark := -1, 0 // the last star, and how much of s it took
	p, i := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

func asnWhy(file string, asn uint32) string {
	return file + ": AS" + strconv.FormatUint(uint64(asn), 10)
}
