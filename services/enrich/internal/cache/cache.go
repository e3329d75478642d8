// Package cache keeps answers about addresses by the block that each answer
// covers, so that one answer serves every address of it. What an answer is, and
// when it is too old, is the user's.
package cache

import (
	"container/list"
	"net/netip"
	"sync"

	"github.com/gaissmai/bart"

	"github.com/whoknocks/whoknocks/services/enrich/internal/block"
)

// Cache holds values by block. An address has the value of the narrowest prefix
// that holds it; of two blocks that share a prefix, the one put later has it.
// When it is full the value that was put the longest ago goes. It is safe for
// concurrent use: many readers, or one writer.
type Cache[V any] struct {
	mu    sync.RWMutex
	table bart.Table[*entry[V]]
	order list.List // of *entry[V], the oldest first
	max   int
}

type entry[V any] struct {
	value    V
	prefixes []netip.Prefix
	live     int // prefixes in the table that are still this entry's
	place    *list.Element
}

// New returns an empty cache that holds at most max prefixes. A block is one
// prefix mostly, and seldom more than three.
func New[V any](max int) *Cache[V] {
	return &Cache[V]{max: max}
}

// Get returns the value for addr, which must be unmapped.
func (c *Cache[V]) Get(addr netip.Addr) (V, bool) {
	c.mu.RLock()
	e, ok := c.table.Lookup(addr)
	c.mu.RUnlock()
	if !ok {
		var none V
		return none, false
	}
	return e.value, true
}

// Put sets the value for the addresses of b. An invalid block is passed over.
func (c *Cache[V]) Put(b block.Block, value V) {
	e := &entry[V]{value: value, prefixes: b.AppendPrefixes(nil)}
	if len(e.prefixes) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e.place = c.order.PushBack(e)
	for _, p := range e.prefixes {
		if old, ok := c.table.Get(p); ok {
			c.release(old)
		}
		c.table.Insert(p, e)
		e.live++
	}
	for c.table.Size() > c.max {
		oldest := c.order.Front().Value.(*entry[V])
		for _, p := range oldest.prefixes {
			if now, ok := c.table.Get(p); ok && now == oldest {
				c.table.Delete(p)
				c.release(oldest)
			}
		}
	}
}

// release takes one prefix from an entry and forgets one that has none left.
func (c *Cache[V]) release(e *entry[V]) {
	if e.live--; e.live == 0 {
		c.order.Remove(e.place)
	}
}

// Len is the number of prefixes held.
func (c *Cache[V]) Len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.table.Size()
}
