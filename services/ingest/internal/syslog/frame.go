// Package syslog cuts what arrives over the network into raw messages. What
// stands in them is left to package envelope: routers keep to no RFC, and a
// parser that wants one would lose their lines. For the same reason the framing is
// our own: leodido/go-syslog, the library of the field, frames only what it parses
// as RFC 5424 or 3164, hands out the parsed fields and not the bytes, and takes one
// of the two framings for a whole connection.
package syslog

import (
	"bufio"
	"errors"
	"io"
	"strings"
)

const (
	// MaxMessage is the longest message that is taken whole.
	MaxMessage = 64 << 10
	// keepLong is how much of a longer one is kept.
	keepLong = 4 << 10
	// maxCount is the largest octet count that is believed.
	maxCount = 16 << 20
)

// Frames reads the messages of one TCP connection in both framings of RFC 6587:
// an octet count before the message, or a line ending behind it. Each message
// may come in either.
type Frames struct{ r *bufio.Reader }

// NewFrames reads from r with a buffer of its own.
func NewFrames(r io.Reader) *Frames {
	return &Frames{bufio.NewReaderSize(r, MaxMessage+1)}
}

// Next returns the next message without its framing; one that is too long comes
// cut, with its size in long. At the end of the stream it returns what is left
// without a line ending, and then io.EOF. It blocks as long as the reader does.
func (f *Frames) Next() (msg string, long int64, err error) {
	if size, skip := f.count(); skip > 0 {
		return f.counted(size, skip)
	}
	line, err := f.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return f.tooLong(line)
	}
	if err != nil && (err != io.EOF || len(line) == 0) {
		if len(line) > 0 { // the connection broke within a message
			err = io.ErrUnexpectedEOF
		}
		return "", 0, err
	}
	return strings.TrimSuffix(string(line), "\n"), 0, nil
}

// count looks for "143 <" ahead: a number, a blank, and the beginning of a
// priority. Without the last, "1 2019-05-15T..." (RFC 5424 that lost its
// priority) would be taken for a count.
func (f *Frames) count() (size, skip int) {
	const most = len("16777216 <")
	for n := 1; n <= most; n++ {
		b, err := f.r.Peek(n)
		if err != nil {
			return 0, 0
		}
		switch c := b[n-1]; {
		case c-'0' <= 9 && (n > 1 || c != '0'):
			size = 10*size + int(c-'0')
		case c == ' ' && n > 1:
			if b, err = f.r.Peek(n + 1); err != nil || b[n] != '<' || size > maxCount {
				return 0, 0
			}
			return size, n
		default:
			return 0, 0
		}
	}
	return 0, 0
}

func (f *Frames) counted(size, skip int) (string, int64, error) {
	if _, err := f.r.Discard(skip); err != nil {
		return "", 0, err
	}
	b := make([]byte, min(size, MaxMessage))
	if size > MaxMessage {
		b = b[:keepLong]
	}
	if _, err := io.ReadFull(f.r, b); err != nil {
		return "", 0, cutOff(err)
	}
	if len(b) == size {
		return strings.TrimRight(string(b), "\r\n"), 0, nil
	}
	if _, err := f.r.Discard(size - len(b)); err != nil {
		return "", 0, cutOff(err)
	}
	return string(b), int64(size), nil
}

// tooLong passes over the rest of a line whose beginning fills the buffer.
func (f *Frames) tooLong(line []byte) (string, int64, error) {
	head, size := string(line[:keepLong]), int64(len(line))
	for {
		line, err := f.r.ReadSlice('\n')
		size += int64(len(line))
		switch {
		case err == nil:
			return head, size - 1, nil
		case err == io.EOF:
			return head, size, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return "", 0, err
		}
	}
}

func cutOff(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
