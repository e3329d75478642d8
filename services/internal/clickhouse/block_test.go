package clickhouse

import (
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"time"

	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

// decode reads Native bytes as clickhouse-go does.
func decode(t testing.TB, r io.Reader) *proto.Block {
	t.Helper()
	b := proto.NewBlock()
	src := chproto.NewReader(r)
	if err := b.Decode(src, 0); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(src); err != nil || len(rest) > 0 {
		t.Fatalf("%d bytes after the block, %v", len(rest), err)
	}
	return b
}

// between lists the rows from lo up to hi.
func between(lo, hi int) []int32 {
	rows := make([]int32, 0, hi-lo)
	for i := lo; i < hi; i++ {
		rows = append(rows, int32(i))
	}
	return rows
}

// LowCardinality is written in ClickHouse's own bytes: reading them back must
// give the strings, at each width of the keys and for any part of the block.
func TestWordsRoundTrip(t *testing.T) {
	type row struct {
		s  string
		ok bool
	}
	f := func(name string, c col[row], rows []row) {
		t.Helper()
		for _, part := range [][2]int{{0, len(rows)}, {0, 1}, {len(rows) / 2, len(rows)}, {len(rows) - 1, len(rows)}} {
			b := newBlock("t", []col[row]{c})
			b.reset()
			for i := range rows {
				b.add(&rows[i])
			}
			dst := decode(t, &upload[row]{block: b, rows: between(part[0], part[1])}).Columns[0]
			if dst.Rows() != part[1]-part[0] {
				t.Fatalf("%s: %d rows, want %d", name, dst.Rows(), part[1]-part[0])
			}
			for i := range dst.Rows() {
				got := dst.Row(i, false)
				if p, ok := got.(*string); ok { // of a nullable column
					got = *p
				}
				var want any = rows[part[0]+i].s
				if !rows[part[0]+i].ok {
					want = nil
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("%s: row %d mismatch (-want +got)\n%s", name, part[0]+i, diff)
				}
			}
		}
	}
	plain := func(r *row) string { return r.s }
	var few, many, most []row
	for i := range 300_000 {
		r := row{string(rune('a'+i%7)) + string(rune('a'+i%5)), true}
		few = append(few, r)
		many = append(many, row{time.Duration(i % 3000).String(), true})
		most = append(most, row{time.Duration(i % 70_000).String(), true})
	}
	f("one byte keys", words("x", plain), few[:1000])
	f("two byte keys", words("x", plain), many[:10_000])
	f("four byte keys", words("x", plain), most)
	edge := []row{{"", true}}
	for i := range 255 { // with "" exactly 256 keys
		edge = append(edge, row{string([]byte{'k', byte(i)}), true})
	}
	f("256 keys", words("x", plain), edge)
	f("empty", words("x", plain), []row{{"", true}, {"a", true}, {"", true}, {"a", true}})
	f("null", optionalWords("x", func(r *row) (string, bool) { return r.s, r.ok }),
		[]row{{"", true}, {"", false}, {"S", true}, {"S", true}, {"", false}, {"", true}, {"SA", true}})
}

// What is sent must read back as a block of clickhouse-go, whatever the reader's
// buffer, and as its batches would have sent it.
func TestUpload(t *testing.T) {
	b := NewEvents()
	events := sample(1000)
	events = append(events, scan.Enriched{}) // everything absent
	for i := range events {
		b.Add(&events[i], time.Now())
	}
	rows := between(10, len(events))
	got := decode(t, iotest.OneByteReader(&upload[eventRow]{block: b.block, rows: rows}))
	if got.Rows() != len(rows) || len(got.Columns) != len(b.block.cols) {
		t.Fatalf("%d rows of %d columns, want %d of %d", got.Rows(), len(got.Columns), len(rows), len(b.block.cols))
	}
	for i, c := range b.block.cols {
		if g := got.Columns[i]; g.Name() != c.name() || string(g.Type()) != c.kind() || g.Rows() != len(rows) {
			t.Errorf("column %s %s of %d rows, want %s %s", g.Name(), g.Type(), g.Rows(), c.name(), c.kind())
		}
	}
	if line := got.Columns[len(b.block.cols)-3].Row(0, false); line != events[10].Line {
		t.Errorf("the first line is %q, want %q", line, events[10].Line)
	}
}

// net/http may go on reading after the insert has failed, when the block is
// filled anew: it must not see that.
func TestUploadStops(t *testing.T) {
	b := newBlock("events", eventColumns())
	u := &upload[eventRow]{block: b, rows: between(0, 0)}
	if _, err := u.Read(make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	u.stop()
	if n, err := u.Read(make([]byte, 8)); n != 0 || !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Read() after stop = %d, %v", n, err)
	}
}

// BenchmarkAdd is what one event costs before it is sent.
func BenchmarkAdd(b *testing.B) {
	events := sample(100_000)
	block := NewEvents()
	b.ReportAllocs()
	for b.Loop() {
		block.Reset()
		for i := range events {
			block.Add(&events[i], time.Now())
		}
	}
	b.ReportMetric(float64(b.N)*float64(len(events))/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkEncode is Add and the bytes that are sent.
func BenchmarkEncode(b *testing.B) {
	events := sample(100_000)
	block, rows := NewEvents(), between(0, len(events))
	b.ReportAllocs()
	for b.Loop() {
		block.Reset()
		for i := range events {
			block.Add(&events[i], time.Now())
		}
		n, err := io.Copy(io.Discard, &upload[eventRow]{block: block.block, rows: rows})
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(n)
	}
	b.ReportMetric(float64(b.N)*float64(len(events))/b.Elapsed().Seconds(), "rows/s")
}
