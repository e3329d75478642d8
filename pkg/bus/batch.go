package bus

import "time"

// Batch is a group of lines that travel as one message. Its lines are safe when
// Done is closed and Err is nil.
type Batch struct {
	subject string
	buf     []byte
	events  int
	opened  time.Time
	done    chan struct{}
	seq     uint64
	err     error
}

// Done is closed once the server has the batch on disk, or it is certain that
// it never will; Err then tells which.
func (b *Batch) Done() <-chan struct{} { return b.done }

// Err is nil when the batch is on disk. It must be called after Done is closed.
func (b *Batch) Err() error { return b.err }

// Seq is the sequence of the batch in its stream. It must be called after Done
// is closed and Err returned nil.
func (b *Batch) Seq() uint64 { return b.seq }

// Events is how many lines the batch holds. It must be called after Done is
// closed.
func (b *Batch) Events() int { return b.events }

func (b *Batch) add(line []byte) {
	b.buf = append(b.buf, line...)
	b.buf = append(b.buf, '\n')
	b.events++
}

func (b *Batch) finish(seq uint64, err error) {
	b.seq, b.err = seq, err
	b.buf = nil
	close(b.done)
}
