// Package table loads "first,last,…" CSV files, the form in which IP-to-AS and
// IP-to-country data are handed out, into a table that answers by the smallest
// range. What stands after the two addresses is read by the caller.
package table

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/netip"
	"os"
	"time"

	"github.com/whoknocks/whoknocks/services/enrich/internal/block"
)

// maxRow is the most bytes of one row; a longer one ends the load.
const maxRow = 64 << 10

// Table answers which value covers an address. Once loaded it is read-only and
// safe for any number of readers.
type Table[V any] struct {
	v4   ranges[[4]byte, V]
	v6   ranges[[16]byte, V]
	rows int
	bad  int
	asOf time.Time
}

// Rows is the number of rows loaded, Bad of those that were skipped because
// they could not be read.
func (t *Table[V]) Rows() int { return t.rows }

// Bad is the number of rows that were skipped.
func (t *Table[V]) Bad() int { return t.bad }

// AsOf is the date of the data.
func (t *Table[V]) AsOf() time.Time { return t.asOf }

// Lookup returns the value for addr, which must be unmapped.
func (t *Table[V]) Lookup(addr netip.Addr) (V, bool) {
	_, v, ok := t.find(addr)
	return v, ok
}

// LookupPrefix is Lookup that also tells the prefix of the data that holds addr.
func (t *Table[V]) LookupPrefix(addr netip.Addr) (netip.Prefix, V, bool) {
	b, v, ok := t.find(addr)
	return b.PrefixOf(addr), v, ok
}

func (t *Table[V]) find(addr netip.Addr) (b block.Block, v V, ok bool) {
	switch {
	case addr.Is4():
		if s := t.v4.find(addr.As4()); s != nil {
			return block.Block{First: netip.AddrFrom4(s.first), Last: netip.AddrFrom4(s.last)}, s.value, true
		}
	case addr.Is6():
		if s := t.v6.find(addr.As16()); s != nil {
			return block.Block{First: netip.AddrFrom16(s.first), Last: netip.AddrFrom16(s.last)}, s.value, true
		}
	}
	return b, v, false
}

// All yields the prefixes of the table with their values, in order of their rows.
func (t *Table[V]) All() iter.Seq2[netip.Prefix, V] {
	return func(yield func(netip.Prefix, V) bool) {
		var list []netip.Prefix
		each := func(first, last netip.Addr, v V) bool {
			list = block.Block{First: first, Last: last}.AppendPrefixes(list[:0])
			for _, p := range list {
				if !yield(p, v) {
					return false
				}
			}
			return true
		}
		for _, s := range t.v4.list {
			if !each(netip.AddrFrom4(s.first), netip.AddrFrom4(s.last), s.value) {
				return
			}
		}
		for _, s := range t.v6.list {
			if !each(netip.AddrFrom16(s.first), netip.AddrFrom16(s.last), s.value) {
				return
			}
		}
	}
}

// Load reads files, in order, into a new table. parse reads what follows the
// second comma and reports whether it makes sense; the bytes are valid only
// during the call. Rows that cannot be read are counted and skipped (a heading,
// say); a file without a single good row is an error that names its first line.
func Load[V any](parse func([]byte) (V, bool), files ...string) (*Table[V], error) {
	t := &Table[V]{
		v4: ranges[[4]byte, V]{compare: func(a, b [4]byte) int { return bytes.Compare(a[:], b[:]) }},
		v6: ranges[[16]byte, V]{compare: func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) }},
	}
	for _, file := range files {
		if err := t.load(file, parse); err != nil {
			return nil, err
		}
		// The oldest file dates the whole.
		if d := Date(file); !d.IsZero() && (t.asOf.IsZero() || d.Before(t.asOf)) {
			t.asOf = d
		}
	}
	t.v4.sort()
	t.v6.sort()
	return t, nil
}

func (t *Table[V]) load(file string, parse func([]byte) (V, bool)) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	good, firstBad, err := t.read(f, parse)
	if err != nil {
		return fmt.Errorf("read %q after row %d: %w", file, good+t.bad, err)
	}
	if good == 0 {
		return fmt.Errorf("read %q: no row of the form first,last,…; the first is %.80q", file, firstBad)
	}
	return nil
}

func (t *Table[V]) read(r io.Reader, parse func([]byte) (V, bool)) (good int, firstBad string, err error) {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 64<<10), maxRow)
	for s.Scan() {
		line := bytes.TrimRight(s.Bytes(), "\r ")
		if len(line) == 0 {
			continue
		}
		b, rest, ok := split(line)
		var v V
		if ok {
			v, ok = parse(rest)
		}
		if !ok {
			t.bad++
			if firstBad == "" {
				firstBad = string(line)
			}
			continue
		}
		good++
		if b.First.Is4() {
			t.v4.add(b.First.As4(), b.Last.As4(), v)
		} else {
			t.v6.add(b.First.As16(), b.Last.As16(), v)
		}
	}
	t.rows += good
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return good, firstBad, fmt.Errorf("a row is longer than %d bytes", maxRow)
	}
	return good, firstBad, s.Err()
}

// split cuts "first,last,rest".
func split(line []byte) (b block.Block, rest []byte, ok bool) {
	i := bytes.IndexByte(line, ',')
	if i < 0 {
		return b, nil, false
	}
	j := bytes.IndexByte(line[i+1:], ',')
	if j < 0 {
		return b, nil, false
	}
	first, err := netip.ParseAddr(string(Unquote(line[:i])))
	if err != nil {
		return b, nil, false
	}
	last, err := netip.ParseAddr(string(Unquote(line[i+1 : i+1+j])))
	if err != nil {
		return b, nil, false
	}
	b, err = block.New(first, last)
	return b, line[i+j+2:], err == nil
}

// Unquote takes the quotes off one CSV field (RFC 4180: a quote inside is
// doubled). A field without quotes is returned as it is.
func Unquote(field []byte) []byte {
	n := len(field)
	if n < 2 || field[0] != '"' || field[n-1] != '"' {
		return field
	}
	field = field[1 : n-1]
	if bytes.Contains(field, []byte(`""`)) {
		return bytes.ReplaceAll(field, []byte(`""`), []byte(`"`))
	}
	return field
}
