package clickhouse

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

// Events gathers events for one insert, column by column as ClickHouse wants
// them. It keeps its buffers when it is reset, so one that is used again and
// again costs no memory but for the strings. It must not be used by two
// goroutines at once. 10,000 to 500,000 rows and less than 256 MB make one
// block of ClickHouse, which is kept or refused as a whole in each month.
type Events struct {
	block   *block[eventRow]
	row     eventRow
	keys    []sortKey // in the order of Add
	sorting []sortKey
	order   []int32
}

// NewEvents returns an empty block.
func NewEvents() *Events { return &Events{block: newBlock("events", eventColumns())} }

// Add appends e, whose facts were attached at the time given: of several rows of
// one event the latest is kept. It copies nothing out of e but keeps its strings.
func (b *Events) Add(e *scan.Enriched, at time.Time) {
	b.keys = append(b.keys, sortKeyOf(e, len(b.keys)))
	b.row = eventRow{Enriched: e, at: at}
	b.block.add(&b.row)
	b.row.Enriched = nil
}

// Len is how many events were added.
func (b *Events) Len() int { return b.block.rows }

// Reset makes b empty.
func (b *Events) Reset() {
	b.block.reset()
	b.keys = b.keys[:0]
}

// insert sends the events from lo up to hi, those whose key is lowest first: they
// then need no sorting in ClickHouse, where each of the columns would be moved.
// It costs half a microsecond a row here and saves more than one there.
func (b *Events) insert(ctx context.Context, db *DB, lo, hi int) error {
	b.sorting = append(b.sorting[:0], b.keys[lo:hi]...)
	slices.SortFunc(b.sorting, sortKey.compare)
	b.order = b.order[:0]
	for i := range b.sorting {
		b.order = append(b.order, b.sorting[i].row)
	}
	return b.block.insert(ctx, db, b.order)
}

// sortKey is the sort key of table events, and the number of the row.
type sortKey struct {
	src, low uint64
	time     int64
	id       uint64
	row      int32
}

func sortKeyOf(e *scan.Enriched, row int) sortKey {
	src := e.SrcIP.As16()
	return sortKey{
		src: binary.BigEndian.Uint64(src[:8]), low: binary.BigEndian.Uint64(src[8:]),
		time: e.Time.UnixMilli(), id: uint64(e.ID), row: int32(row),
	}
}

func (k sortKey) compare(other sortKey) int {
	switch {
	case k.src != other.src:
		return cmp.Compare(k.src, other.src)
	case k.low != other.low:
		return cmp.Compare(k.low, other.low)
	case k.time != other.time:
		return cmp.Compare(k.time, other.time)
	}
	return cmp.Compare(k.id, other.id)
}

// InsertEvents keeps the events, which were enriched just now, in one insert. It
// returns when they are durable. Repeating an insert is harmless, and repairs what one
// that was cut short left out: repeats only cost room until ClickHouse merges.
func (db *DB) InsertEvents(ctx context.Context, events []scan.Enriched) error {
	b, now := NewEvents(), time.Now()
	for i := range events {
		b.Add(&events[i], now)
	}
	return db.Insert(ctx, b)
}

// Insert keeps the events of b, as InsertEvents does. When the error is Refused,
// InsertEach finds which events are to blame.
func (db *DB) Insert(ctx context.Context, b *Events) error {
	return b.insert(ctx, db, 0, b.block.rows)
}

// InsertEach keeps the events of b and calls refused for each one, by its number
// in the order of Add, that ClickHouse does not take. It halves what was refused
// until single rows are left, so one bad row among 100,000 costs some 34 inserts
// of halves. An error, from ClickHouse or from refused, ends it with part of the
// events kept; calling it again is harmless. More refused
// events than limit are not the fault of the events: that is an error too.
func (db *DB) InsertEach(ctx context.Context, b *Events, limit int, refused func(i int, reason error) error) error {
	return bisect(0, b.block.rows, &limit, func(lo, hi int) error { return b.insert(ctx, db, lo, hi) }, refused)
}

// bisect inserts the rows from lo up to hi, and each half of them when they are
// refused. It gives up when more than *limit rows are refused.
func bisect(lo, hi int, limit *int, insert func(lo, hi int) error, refused func(int, error) error) error {
	err := insert(lo, hi)
	switch {
	case err == nil || !Refused(err):
		return err
	case hi-lo == 1:
		if *limit--; *limit < 0 {
			return fmt.Errorf("too many rows refused, the last: %w", err)
		}
		return refused(lo, err)
	}
	mid := lo + (hi-lo)/2
	if err := bisect(lo, mid, limit, insert, refused); err != nil {
		return err
	}
	return bisect(mid, hi, limit, insert, refused)
}
