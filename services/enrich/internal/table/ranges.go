package table

import (
	"cmp"
	"slices"
	"sort"
)

// span is a row: the addresses from first to last, and its value.
type span[K, V any] struct {
	first, last K
	value       V
	within      int32 // the smallest that begins no later and holds first, -1 if none does
}

// ranges are the rows of one family of addresses, in order. They hold no pointers
// but those of the values, so the garbage collector has nothing to look at.
type ranges[K, V any] struct {
	compare func(a, b K) int
	list    []span[K, V]
}

func (r *ranges[K, V]) add(first, last K, value V) {
	r.list = append(r.list, span[K, V]{first: first, last: last, value: value})
}

// sort puts the rows in order, larger ones first; of equal ones the later is found.
func (r *ranges[K, V]) sort() {
	order := func(a, b span[K, V]) int {
		return cmp.Or(r.compare(a.first, b.first), r.compare(b.last, a.last))
	}
	if !slices.IsSortedFunc(r.list, order) { // as files usually are
		slices.SortStableFunc(r.list, order)
	}
	r.list = slices.Clip(r.list)
	around := int32(-1)
	for i := range r.list {
		for around >= 0 && r.compare(r.list[around].last, r.list[i].first) < 0 {
			around = r.list[around].within
		}
		r.list[i].within = around
		around = int32(i)
	}
}

// find returns the row of least extent that holds addr, nil if there is none.
func (r *ranges[K, V]) find(addr K) *span[K, V] {
	i := int32(sort.Search(len(r.list), func(i int) bool { return r.compare(r.list[i].first, addr) > 0 })) - 1
	for i >= 0 && r.compare(r.list[i].last, addr) < 0 {
		i = r.list[i].within
	}
	if i < 0 {
		return nil
	}
	return &r.list[i]
}
