package identity

import (
	"math/bits"
	"math/rand/v2"
)

// generation is how many different lines a generation of the table holds. Equal
// lines are counted within the current and the previous one; those further apart
// get the same ordinals again. As the time is part of what makes lines equal,
// that matters only to lines without a time, or of a clock that stands still.
const generation = 1 << 18

// table counts keys in two generations of bounded size: at most 2 x 8 MiB.
type table struct{ now, before counts }

// count returns how often key was counted before, and counts it.
func (t *table) count(key uint64) uint32 {
	if t.now.used >= generation {
		t.now, t.before = t.before, t.now
		t.now.clear()
	}
	old := t.before.get(key)
	return old + t.now.add(key)
}

// counts is an open hash table from keys, which are hashes themselves, to how
// often they were added. It grows from small, as most documents are.
type counts struct {
	slots []slot // a power of two
	used  int
	shift int    // of a mixed key, to the number of a slot
	mix   uint64 // odd and random: strangers write the lines, and know the hash
}

type slot struct {
	key   uint64
	count uint32 // 0 is a free slot
}

func (c *counts) get(key uint64) uint32 {
	if c.used == 0 {
		return 0
	}
	return c.find(key).count
}

func (c *counts) add(key uint64) uint32 {
	if 2*c.used >= len(c.slots) {
		c.grow()
	}
	s := c.find(key)
	if s.count == 0 {
		s.key = key
		c.used++
	}
	s.count++
	return s.count - 1
}

func (c *counts) find(key uint64) *slot {
	mask := uint64(len(c.slots) - 1)
	for i := key * c.mix >> c.shift; ; i = (i + 1) & mask {
		if s := &c.slots[i]; s.count == 0 || s.key == key {
			return s
		}
	}
}

func (c *counts) grow() {
	old := c.slots
	if old == nil {
		c.mix = rand.Uint64() | 1
	}
	c.slots = make([]slot, max(512, 2*len(old)))
	c.shift = 64 - bits.TrailingZeros(uint(len(c.slots)))
	for i := range old {
		if old[i].count > 0 {
			*c.find(old[i].key) = old[i]
		}
	}
}

func (c *counts) clear() {
	clear(c.slots)
	c.used = 0
}
