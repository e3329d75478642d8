package clickhouse

import (
	"encoding/binary"
	"math"
	"net/netip"
	"slices"
	"unsafe"
)

// A col gathers one column of a block, row by row, for rows of type R, and writes
// it in ClickHouse's Native format. It keeps its buffers from block to block.
type col[R any] interface {
	name() string
	kind() string // type in ClickHouse
	add(r *R)
	// encode appends the rows of these numbers, in this order.
	encode(b []byte, rows []int32) []byte
	reset()
}

type named struct{ column, typ string }

func (n named) name() string { return n.column }
func (n named) kind() string { return n.typ }

// integer is what ClickHouse keeps in fixed widths, little endian.
type integer interface {
	int64 | uint64 | uint32 | uint16 | uint8
}

// number gathers integers.
type number[R any, T integer] struct {
	named
	get  func(*R) T
	vals []T
}

func numbers[R any, T integer](name, kind string, get func(*R) T) col[R] {
	return &number[R, T]{named: named{name, kind}, get: get}
}

func (c *number[R, T]) add(r *R) { c.vals = append(c.vals, c.get(r)) }
func (c *number[R, T]) reset()   { c.vals = c.vals[:0] }

func (c *number[R, T]) encode(b []byte, rows []int32) []byte {
	return appendIntegers(b, c.vals, rows)
}

func appendIntegers[T integer](b []byte, vals []T, rows []int32) []byte {
	size := int(unsafe.Sizeof(T(0)))
	b = slices.Grow(b, size*len(rows))
	for _, i := range rows {
		switch v := uint64(vals[i]); size {
		case 1:
			b = append(b, byte(v))
		case 2:
			b = binary.LittleEndian.AppendUint16(b, uint16(v))
		case 4:
			b = binary.LittleEndian.AppendUint32(b, uint32(v))
		default:
			b = binary.LittleEndian.AppendUint64(b, v)
		}
	}
	return b
}

func appendBytes(b, vals []byte, rows []int32) []byte {
	for _, i := range rows {
		b = append(b, vals[i])
	}
	return b
}

// optional gathers integers that may be absent, as Nullable.
type optional[R any, T integer] struct {
	named
	get  func(*R) (T, bool)
	vals []T
	null []byte // 1 where absent
}

func optionals[R any, T integer](name, kind string, get func(*R) (T, bool)) col[R] {
	return &optional[R, T]{named: named{name, "Nullable(" + kind + ")"}, get: get}
}

func (c *optional[R, T]) add(r *R) {
	v, ok := c.get(r)
	c.vals, c.null = append(c.vals, v), append(c.null, absent(ok))
}

func (c *optional[R, T]) reset() { c.vals, c.null = c.vals[:0], c.null[:0] }

func (c *optional[R, T]) encode(b []byte, rows []int32) []byte {
	return appendIntegers(appendBytes(b, c.null, rows), c.vals, rows)
}

func absent(ok bool) byte {
	if ok {
		return 0
	}
	return 1
}

// address gathers addresses as IPv6, IPv4 mapped. Where the column is not
// nullable the zero Addr becomes ::.
type address[R any] struct {
	named
	get      func(*R) netip.Addr
	vals     [][16]byte
	null     []byte
	nullable bool
}

func addresses[R any](name string, get func(*R) netip.Addr) col[R] {
	return &address[R]{named: named{name, "IPv6"}, get: get}
}

func optionalAddresses[R any](name string, get func(*R) netip.Addr) col[R] {
	return &address[R]{named: named{name, "Nullable(IPv6)"}, get: get, nullable: true}
}

func (c *address[R]) add(r *R) {
	a := c.get(r)
	c.vals = append(c.vals, a.As16())
	if c.nullable {
		c.null = append(c.null, absent(a.IsValid()))
	}
}

func (c *address[R]) reset() { c.vals, c.null = c.vals[:0], c.null[:0] }

func (c *address[R]) encode(b []byte, rows []int32) []byte {
	if c.nullable {
		b = appendBytes(b, c.null, rows)
	}
	for _, i := range rows {
		b = append(b, c.vals[i][:]...)
	}
	return b
}

// text gathers strings that seldom repeat.
type text[R any] struct {
	named
	get  func(*R) string
	vals []string
}

func texts[R any](name string, get func(*R) string) col[R] {
	return &text[R]{named: named{name, "String"}, get: get}
}

func (c *text[R]) add(r *R) { c.vals = append(c.vals, c.get(r)) }

func (c *text[R]) reset() {
	clear(c.vals) // let go of the lines
	c.vals = c.vals[:0]
}

func (c *text[R]) encode(b []byte, rows []int32) []byte {
	for _, i := range rows {
		b = appendString(b, c.vals[i])
	}
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// word gathers strings that repeat, as LowCardinality: each is kept once for
// the whole block, rows hold its number.
type word[R any] struct {
	named
	get      func(*R) (string, bool)
	nullable bool
	keys     []string
	index    map[string]uint32
	rows     []uint32
	last     string // of the row before: in logs equal words come in runs
	lastKey  uint32
}

// words is for a column where the empty string stands for absent.
func words[R any](name string, get func(*R) string) col[R] {
	c := &word[R]{named: named{name, "LowCardinality(String)"},
		get: func(r *R) (string, bool) { return get(r), true }, index: map[string]uint32{}}
	c.reset()
	return c
}

// optionalWords is for a column where the empty string is a value.
func optionalWords[R any](name string, get func(*R) (string, bool)) col[R] {
	c := &word[R]{named: named{name, "LowCardinality(Nullable(String))"},
		get: get, nullable: true, index: map[string]uint32{}}
	c.reset()
	return c
}

func (c *word[R]) add(r *R) {
	s, ok := c.get(r)
	switch {
	case !ok:
		c.rows = append(c.rows, 0) // NULL
		return
	case s == c.last:
		c.rows = append(c.rows, c.lastKey)
		return
	}
	k, known := c.index[s]
	if !known {
		k = uint32(len(c.keys))
		c.keys, c.index[s] = append(c.keys, s), k
	}
	c.rows, c.last, c.lastKey = append(c.rows, k), s, k
}

// reset starts the dictionary as ClickHouse does: NULL first where there can be
// one, then the empty string.
func (c *word[R]) reset() {
	clear(c.keys)
	clear(c.index)
	c.keys, c.rows = c.keys[:0], c.rows[:0]
	if c.nullable {
		c.keys = append(c.keys, "")
	}
	c.keys, c.last, c.lastKey = append(c.keys, ""), "", uint32(len(c.keys))
	c.index[""] = c.lastKey
}

// encode follows SerializationLowCardinality.cpp: the width of the keys with the
// bits of a dictionary of its own, the dictionary, the keys.
func (c *word[R]) encode(b []byte, rows []int32) []byte {
	const ownDictionary = 1<<9 | 1<<10
	le := binary.LittleEndian
	width := uint64(0) // log2 of the bytes of a key
	switch n := len(c.keys); {
	case n > math.MaxUint16+1:
		width = 2
	case n > math.MaxUint8+1:
		width = 1
	}
	b = le.AppendUint64(b, ownDictionary|width)
	b = le.AppendUint64(b, uint64(len(c.keys)))
	for _, s := range c.keys {
		b = appendString(b, s)
	}
	b = le.AppendUint64(b, uint64(len(rows)))
	for _, i := range rows {
		switch k := c.rows[i]; width {
		case 0:
			b = append(b, byte(k))
		case 1:
			b = le.AppendUint16(b, uint16(k))
		default:
			b = le.AppendUint32(b, k)
		}
	}
	return b
}
