package input

import (
	"context"
	"errors"

	"github.com/cespare/xxhash/v2"
)

// Trail is a running hash of the lines of a document, by which a later reader
// knows that it has come the same way to a position. It serves one goroutine.
type Trail struct{ digest *xxhash.Digest }

// NewTrail returns a trail at the beginning of a document.
func NewTrail() Trail { return Trail{xxhash.New()} }

// Add goes on over a line.
func (t Trail) Add(l Line) {
	_, _ = t.digest.WriteString(l.Text)
	if l.End-l.At > int64(len(l.Text)) { // not the last line, which may still grow
		_, _ = t.digest.WriteString("\n")
	}
}

// Sum returns the hash of all lines so far.
func (t Trail) Sum() uint64 { return t.digest.Sum64() }

var errThere = errors.New("there")

// SumTo reads the document up to a position of its text and returns the hash of
// the lines before it; ok is false if the document does not reach it, or can't be
// read so far. Nothing is left to read then. The error is that of ctx.
func (d *Document) SumTo(ctx context.Context, at int64) (sum uint64, ok bool, err error) {
	t, end := NewTrail(), int64(0)
	err = d.Chunks(ctx, func(c Chunk) error {
		for l := range c.Lines() {
			if l.At >= at {
				return errThere
			}
			if l.End > at && l.Long == 0 { // it has grown since
				l.Text, l.End = l.Text[:min(at-l.At, int64(len(l.Text)))], at
			}
			t.Add(l)
			end = l.End
		}
		return nil
	})
	if ctx.Err() != nil {
		return 0, false, context.Cause(ctx)
	}
	return t.Sum(), (err == nil || errors.Is(err, errThere)) && end == at, nil
}
