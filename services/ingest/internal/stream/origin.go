package stream

import (
	"strconv"
	"strings"
)

// origins makes the texts that tell where a line stood, "router.log:1234", one
// allocation for thousands of them.
type origins struct {
	name string // of the document
	from string // if set, the peer that sends: it has no positions
	b    strings.Builder
}

const originBlock = 16 << 10

func (o *origins) at(n int64) string {
	if o.from != "" {
		return o.from
	}
	if o.b.Cap()-o.b.Len() < len(o.name)+21 {
		o.b.Reset() // what was cut from the old block keeps it alive
		o.b.Grow(max(originBlock, len(o.name)+21))
	}
	start := o.b.Len()
	o.b.WriteString(o.name)
	o.b.WriteByte(':')
	var digits [20]byte
	o.b.Write(strconv.AppendInt(digits[:0], n, 10))
	return o.b.String()[start:]
}
