package report

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// AsOf says which owners a table of sources has.
type AsOf string

// Owners are those of the time of the attempts, as near as anybody could tell, or
// those of today. Blocks change hands.
const (
	Then AsOf = "then"
	Now  AsOf = "now"
)

// ParseAsOf checks the word.
func ParseAsOf(text string) (AsOf, error) {
	switch a := AsOf(text); a {
	case Then, Now:
		return a, nil
	}
	return "", fmt.Errorf("as-of %q: want then or now", cut(text, 40))
}

// Holder is who has an address.
type Holder struct {
	Owner, Country string
	AsOf           time.Time // zero is not known
}

// Now returns the table with the owners of today, whom holder tells: an address is
// one row, whoever had it. Owner and limit are as in [Filter], and the table must
// have been asked for without either: it fails if it does not hold every source.
func (t Sources) Now(holder func(netip.Addr) Holder, owner string, limit int) (Sources, error) {
	if t.Limited() {
		return Sources{}, fmt.Errorf("owners of today can be told for at most %d sources, here are %d: narrow the table", MaxRows, t.matching)
	}
	index := map[netip.Addr]int{}
	now := Sources{now: true}
	for _, r := range t.Rows {
		i, seen := index[r.Addr]
		if !seen {
			h := holder(r.Addr)
			if owner != "" && !strings.EqualFold(owner, cmp.Or(h.Owner, NoOwner)) {
				i = -1
			} else {
				i = len(now.Rows)
				now.Rows = append(now.Rows, SourceRow{Address: r.Address, Addr: r.Addr, Country: h.Country, Owner: h.Owner, OwnerAsOf: h.AsOf,
					FirstSeen: r.FirstSeen, LastSeen: r.LastSeen})
			}
			index[r.Addr] = i
		}
		if i >= 0 {
			now.Rows[i].add(r)
			now.Total.add(r)
		}
	}
	now.Total.Sources = uint64(len(now.Rows))
	slices.SortFunc(now.Rows, func(a, b SourceRow) int {
		return cmp.Or(cmp.Compare(b.Attempts, a.Attempts), a.Addr.Compare(b.Addr))
	})
	now.matching = uint64(len(now.Rows))
	now.Rows = now.Rows[:min(len(now.Rows), Filter{Limit: limit}.limit())]
	return now, nil
}

func (r *SourceRow) add(other SourceRow) {
	r.Attempts += other.Attempts
	r.FirstSeen, r.LastSeen = earlier(r.FirstSeen, other.FirstSeen), later(r.LastSeen, other.LastSeen)
}

func (t *Total) add(r SourceRow) {
	t.Attempts += r.Attempts
	t.FirstSeen, t.LastSeen = earlier(t.FirstSeen, r.FirstSeen), later(t.LastSeen, r.LastSeen)
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
