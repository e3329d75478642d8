package input

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"strings"
)

const (
	// MaxLine is the longest line that is read, without its line ending.
	MaxLine = 64 << 10
	// keepLong is how much of a longer one is kept.
	keepLong = 4 << 10
	// chunkSize is how much is read at once; it holds at least one line.
	chunkSize = 256 << 10
)

// Chunk is a piece of a document: whole lines, or the beginning of one that is
// too long. Text is a string of its own, and parts of it may be kept.
type Chunk struct {
	Text   string // lines with their line endings; the document's last may have none
	Offset int64  // of Text in the plain text of the document
	Long   int64  // if not 0, Text is the beginning of a line of that many bytes
}

// Line is one line of a chunk, without its line ending.
type Line struct {
	Text string
	At   int64 // its offset in the plain text of the document
	End  int64 // where the next one begins
	Long int64 // if not 0, Text is the beginning of a line of that many bytes
}

// Lines returns the lines of the chunk in order.
func (c Chunk) Lines() iter.Seq[Line] {
	return func(yield func(Line) bool) {
		if c.Long > 0 {
			yield(Line{Text: c.Text, At: c.Offset, End: c.Offset + c.Long + 1, Long: c.Long})
			return
		}
		for text, at := c.Text, c.Offset; text != ""; {
			n := strings.IndexByte(text, '\n')
			size := n + 1
			if n < 0 {
				n, size = len(text), len(text)
			}
			l := Line{Text: text[:n], At: at, End: at + int64(size)}
			if n > MaxLine {
				l.Text, l.Long = text[:keepLong], int64(n)
			}
			if !yield(l) {
				return
			}
			text, at = text[size:], l.End
		}
	}
}

// ReadError is a document that could be read no further.
type ReadError struct {
	Name   string
	Offset int64 // in the plain text: all before it has been handed out
	Left   int   // bytes of an unfinished line behind it that were read
	Err    error
}

func (e *ReadError) Error() string {
	return fmt.Sprintf("read %s: at byte %d of the text: %v", e.Name, e.Offset, e.Err)
}

func (e *ReadError) Unwrap() error { return e.Err }

// Chunks calls yield with each chunk of the document in order, and reads ahead
// while yield works. It blocks until the end, until yield returns an error, which
// it returns, or until ctx ends. When the document cannot be read further, the
// unfinished line is not handed out and the error is a *ReadError.
//
// Reading a file cannot be interrupted: if ctx ends while stdin gives nothing,
// the reading goroutine stays until stdin does or the process ends.
func (d *Document) Chunks(ctx context.Context, yield func(Chunk) error) error {
	ctx, cancel := context.WithCancel(ctx)
	chunks := make(chan Chunk, 2)
	failed := make(chan error, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		failed <- d.chunks(func(c Chunk) bool {
			select {
			case chunks <- c:
				return true
			case <-ctx.Done():
				return false
			}
		})
		close(chunks)
	}()
	defer func() {
		cancel()
		if !d.live {
			<-done
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case c, ok := <-chunks:
			if !ok {
				return <-failed
			}
			if err := yield(c); err != nil {
				return err
			}
		}
	}
}

// chunks reads the whole document; emit returns false to stop it.
func (d *Document) chunks(emit func(Chunk) bool) error {
	var (
		buf = make([]byte, chunkSize)
		n   int   // bytes in buf
		at  int64 // offset of buf in the text
	)
	for {
		end, err := d.fill(buf, &n)
		if err != nil && !end {
			if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
				if !emit(Chunk{Text: string(buf[:i+1]), Offset: at}) {
					return nil
				}
				at += int64(i + 1)
				n -= i + 1
			}
			return &ReadError{Name: d.Name, Offset: at, Left: n, Err: explain(d.kind, err)}
		}
		size := n
		if !end {
			size = bytes.LastIndexByte(buf[:n], '\n') + 1
		}
		switch {
		case size > 0:
			if !emit(Chunk{Text: string(buf[:size]), Offset: at}) {
				return nil
			}
			n = copy(buf, buf[size:n])
			at += int64(size)
		case n > MaxLine:
			long := Chunk{Text: string(buf[:keepLong]), Offset: at}
			size, err := d.skipLine(buf, &n)
			if err != nil {
				return &ReadError{Name: d.Name, Offset: at, Err: explain(d.kind, err)}
			}
			long.Long = size
			if !emit(long) {
				return nil
			}
			at += size + 1
		}
		if end && n == 0 {
			return nil
		}
	}
}

// fill reads until buf is full, the text ends, or a live source pauses behind
// at least one line.
func (d *Document) fill(buf []byte, n *int) (end bool, err error) {
	for *n < len(buf) {
		m, err := d.source.Read(buf[*n:])
		fresh := buf[*n : *n+m]
		*n += m
		if err == io.EOF {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if d.live && d.source.Buffered() == 0 && bytes.IndexByte(fresh, '\n') >= 0 {
			break
		}
	}
	return false, nil
}

// skipLine passes over the rest of a line whose beginning fills buf[:n] and
// returns its length. What follows it is left in buf.
func (d *Document) skipLine(buf []byte, n *int) (size int64, err error) {
	size = int64(*n)
	for {
		m, err := d.source.Read(buf)
		if i := bytes.IndexByte(buf[:m], '\n'); i >= 0 {
			*n = copy(buf, buf[i+1:m])
			return size + int64(i), nil // an error comes again with the next read
		}
		size += int64(m)
		if err == io.EOF {
			*n = 0
			return size, nil
		}
		if err != nil {
			return size, err
		}
	}
}
