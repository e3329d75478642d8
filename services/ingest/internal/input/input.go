// Package input opens what logs are read from, whatever it is compressed with,
// and hands it out in chunks of whole lines, each with its position.
//
// It knows nothing of what stands in the lines. Memory is bounded: a line longer
// than MaxLine is passed over and only its beginning kept.
package input

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/whoknocks/whoknocks/services/ingest/internal/identity"
)

// Stdin is the path that stands for the standard input.
const Stdin = "-"

// ErrEmpty is returned by Open for an input without a single byte.
var ErrEmpty = errors.New("it is empty")

// Document is an open input. Its methods are for one goroutine, but for Read.
type Document struct {
	Name     string    // for people: the path, or "stdin"
	Path     string    // absolute; empty for stdin
	Modified time.Time // of the file, or the date of the mail; zero for stdin
	Mail     bool      // the text of a mail
	Size     int64     // in bytes as stored; -1 if unknown

	file   io.Closer
	read   atomic.Int64
	source *bufio.Reader // of the plain text
	live   bool          // whoever writes it may pause: hand out what there is
	kind   string        // compression, for messages
	text   []byte        // of a mail
	tailed *os.File      // that is followed
	head   []byte        // of a file that is followed: what it began with
}

// Open opens a file, or stdin for the path "-", and sees through gzip, zstd, xz
// and bzip2 by their first bytes. It blocks until the first 4 KiB of text are
// there. Errors name the path; an empty input is ErrEmpty.
func Open(path string, stdin io.Reader) (*Document, error) {
	if path == Stdin {
		if stdin == nil {
			return nil, errors.New("read stdin: there is none")
		}
		d := &Document{Name: "stdin", Size: -1, live: true}
		if err := d.start(stdin); err != nil {
			return nil, err
		}
		return d, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fileError("open", path, err)
	}
	d := &Document{Name: path, Path: path, Size: -1, file: f}
	if abs, err := filepath.Abs(path); err == nil {
		d.Path = abs
	}
	info, err := f.Stat()
	switch {
	case err != nil:
		f.Close()
		return nil, fileError("read", path, err)
	case info.IsDir():
		f.Close()
		return nil, fmt.Errorf("read %s: it is a directory, name the files in it", path)
	case info.Mode().IsRegular():
		d.Size, d.Modified = info.Size(), info.ModTime()
	default: // a pipe or a device
		d.live, d.Path = true, ""
	}
	if err := d.start(f); err != nil {
		f.Close()
		return nil, err
	}
	return d, nil
}

func (d *Document) start(r io.Reader) error {
	raw := bufio.NewReaderSize(&counter{r: r, n: &d.read}, 64<<10)
	if _, err := raw.Peek(1); err == io.EOF {
		return fmt.Errorf("read %s: %w", d.Name, ErrEmpty)
	} else if err != nil {
		return fileError("read", d.Name, err)
	}
	text, kind, err := decompress(raw)
	if err != nil {
		return fmt.Errorf("read %s: at byte 0: %w", d.Name, explain(kind, err))
	}
	d.kind = kind
	d.source = bufio.NewReaderSize(text, 64<<10)
	if _, err := d.source.Peek(1); err == io.EOF {
		return fmt.Errorf("read %s: %w", d.Name, ErrEmpty)
	}
	return nil
}

// Head returns the first bytes of the text, identity.HeadSize of them or all
// there are. They are valid until the document is read.
func (d *Document) Head() []byte {
	if d.head != nil {
		return d.head
	}
	head, _ := d.source.Peek(identity.HeadSize) // an error comes again when it is read
	return head
}

// Read returns how many stored bytes have been read, for a progress bar. It may
// be called by any goroutine.
func (d *Document) Read() int64 { return d.read.Load() }

// Close closes the file.
func (d *Document) Close() error {
	if d.file == nil {
		return nil
	}
	return d.file.Close()
}

// Binary returns the position of the first byte that no text holds, or -1.
func Binary(head []byte) int {
	for i, c := range head {
		if c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1b {
			return i
		}
	}
	return -1
}

// fileError drops what *fs.PathError repeats of the path.
func fileError(what, path string, err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return fmt.Errorf("%s %s: %w", what, path, err)
}

type counter struct {
	r io.Reader
	n *atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}
