package report

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// OwnerRow is one owner: what its addresses did together.
type OwnerRow struct {
	Owner     string    // the family, as enrich named it; empty where nobody is known
	Attempts  uint64    // packets
	Sources   uint64    // distinct addresses
	Networks  uint64    // distinct registered blocks, as far as they are known
	Countries []Share   // attempts by country, most first, as far as they are known
	Causes    []Share   // attempts by cause, most first
	FirstSeen time.Time // UTC
	LastSeen  time.Time
	OwnerAsOf time.Time // when the newest of its attributions was true; zero is not known
	Late      uint64    // attempts whose owner was learnt more than LateDays after them
}

// Owners is the table of owners.
type Owners struct {
	Rows     []OwnerRow
	Total    Total  // of everything that matched, shown or not
	matching uint64 // rows before the limit
}

// Limited reports whether the limit kept owners out of Rows.
func (t Owners) Limited() bool { return uint64(len(t.Rows)) < t.matching }

// SourceRow is one address under one owner.
type SourceRow struct {
	Address   string     // as shown: the address, or with letters for what is hidden
	Addr      netip.Addr // the address itself, never shown; not valid once masked
	Country   string     // ISO 3166 alpha-2 of the latest attempt that has one, or empty
	Owner     string     // empty where nobody is known
	Attempts  uint64     // packets
	FirstSeen time.Time  // UTC
	LastSeen  time.Time
	OwnerAsOf time.Time // when the attribution was true; zero is not known
	Late      uint64    // attempts whose owner was learnt more than LateDays after them
}

// Sources is the table of sources.
type Sources struct {
	Rows     []SourceRow
	Total    Total  // of everything that matched, shown or not; Networks and Owners are not counted
	matching uint64 // rows before the limit
	now      bool   // owners are those of today
}

// Limited reports whether the limit kept sources out of Rows.
func (t Sources) Limited() bool { return uint64(len(t.Rows)) < t.matching }

// Total sums up all the rows that matched, also those that a limit left out. A
// source or network of several owners counts once; attempts without a known
// owner count as attempts, not as an owner.
type Total struct {
	Attempts, Sources, Networks, Owners uint64
	Late                                uint64 // as in the rows
	FirstSeen, LastSeen                 time.Time
}

// Share is the part of the attempts that has one country or cause.
type Share struct {
	Name     string
	Attempts uint64
}

// shares puts the largest first, equals by name.
func shares(counts map[string]uint64) []Share {
	list := make([]Share, 0, len(counts))
	for name, n := range counts {
		list = append(list, Share{Name: name, Attempts: n})
	}
	slices.SortFunc(list, func(a, b Share) int {
		return cmp.Or(cmp.Compare(b.Attempts, a.Attempts), cmp.Compare(a.Name, b.Name))
	})
	return list
}
