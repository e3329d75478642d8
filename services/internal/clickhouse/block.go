package clickhouse

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	chproto "github.com/ClickHouse/ch-go/proto"
	driver "github.com/ClickHouse/clickhouse-go/v2"
)

// block gathers rows of one table, column by column, and inserts them in one
// statement.
type block[R any] struct {
	table string
	cols  []col[R]
	rows  int
	query string
	buf   []byte // one column on its way
}

func newBlock[R any](table string, cols []col[R]) *block[R] {
	names := make([]string, len(cols))
	for i, c := range cols {
		names[i] = c.name()
	}
	return &block[R]{table: table, cols: cols, query: fmt.Sprintf("INSERT INTO %s (%s)", table, strings.Join(names, ", "))}
}

func (b *block[R]) add(r *R) {
	for _, c := range b.cols {
		c.add(r)
	}
	b.rows++
}

func (b *block[R]) reset() {
	for _, c := range b.cols {
		c.reset()
	}
	b.rows = 0
}

// all are the numbers of all rows, as they were added.
func (b *block[R]) all() []int32 {
	rows := make([]int32, b.rows)
	for i := range rows {
		rows[i] = int32(i)
	}
	return rows
}

// insertSettings hold for every insert: synchronous, so that the answer means
// kept; with as many months in one block as the logs have, because an old log
// of many years is no attack; and without a search for repeats, neither within the
// block, which took 43 % of the time, nor among earlier inserts: the tables replace
// repeats anyway. A table that is not replicated notes an insert as seen before it has
// it: after a kill in between the repeat is thrown away, with nothing there.
var insertSettings = driver.Settings{
	"async_insert": 0, "max_partitions_per_insert_block": 0, "optimize_on_insert": 0, "deduplicate_insert": "disable",
}

// insert sends the rows of these numbers in this order. It returns when
// ClickHouse has kept them durably, or with an error that Classify knows.
func (b *block[R]) insert(ctx context.Context, db *DB, rows []int32) error {
	if len(rows) == 0 {
		return nil
	}
	ctx = driver.Context(ctx, driver.WithSettings(insertSettings))
	send := b.sendBatch
	if db.streams {
		send = b.sendStream
	}
	if err := send(ctx, db.conn, rows); err != nil {
		return fmt.Errorf("insert %d rows into %s: %w", len(rows), b.table, err)
	}
	return nil
}

// sendBatch goes by the batches of clickhouse-go, the only way in the native
// protocol. Its columns take values one by one, at a price (LowCardinality looks
// each string up twice in a map[any]int), or decode what a server sent: that is
// how they are filled here.
func (b *block[R]) sendBatch(ctx context.Context, conn driver.Conn, rows []int32) error {
	batch, err := conn.PrepareBatch(ctx, b.query)
	if err != nil {
		return err
	}
	columns := batch.Columns()
	if len(columns) != len(b.cols) {
		return errors.Join(fmt.Errorf("%d columns, the server wants %d", len(b.cols), len(columns)), batch.Abort())
	}
	var src bytes.Reader
	reader := chproto.NewReader(&src)
	for i, c := range b.cols {
		b.buf = c.encode(b.buf[:0], rows)
		src.Reset(b.buf)
		if err := columns[i].Decode(reader, len(rows)); err != nil {
			return errors.Join(fmt.Errorf("column %s: %w", c.name(), err), batch.Abort())
		}
	}
	return batch.Send()
}

// sendStream sends the block as it is encoded, one column after the other, which
// HTTP allows: no more than one column is in memory a second time.
func (b *block[R]) sendStream(ctx context.Context, conn driver.Conn, rows []int32) error {
	u := &upload[R]{block: b, rows: rows}
	defer u.stop()
	return conn.InsertFormat(ctx, "Native", b.query, u)
}

// upload reads a block in the Native format.
type upload[R any] struct {
	block *block[R]

	mu   sync.Mutex
	rows []int32
	next int // column
	rest []byte
	done bool
}

// Read is called by net/http, possibly after the insert has returned with an
// error: then the block may be in use again.
func (u *upload[R]) Read(p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for len(u.rest) == 0 {
		if u.done {
			return 0, io.ErrClosedPipe
		}
		b := u.block
		if u.next == len(b.cols) {
			return 0, io.EOF
		}
		b.buf = b.buf[:0]
		if u.next == 0 {
			b.buf = binary.AppendUvarint(b.buf, uint64(len(b.cols)))
			b.buf = binary.AppendUvarint(b.buf, uint64(len(u.rows)))
		}
		c := b.cols[u.next]
		b.buf = appendString(appendString(b.buf, c.name()), c.kind())
		if strings.HasPrefix(c.kind(), "LowCardinality") {
			b.buf = binary.LittleEndian.AppendUint64(b.buf, 1) // the version of its serialization
		}
		b.buf = c.encode(b.buf, u.rows)
		u.rest, u.next = b.buf, u.next+1
	}
	n := copy(p, u.rest)
	u.rest = u.rest[n:]
	return n, nil
}

// stop makes later calls of Read fail.
func (u *upload[R]) stop() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.done, u.rest = true, nil
}
