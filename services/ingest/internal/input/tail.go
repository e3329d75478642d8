package input

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/whoknocks/whoknocks/services/ingest/internal/identity"
)

var (
	// ErrStopped is why a followed document can be read no further: its Tail was
	// told to stop. What has no line ending yet was not handed out.
	ErrStopped = errors.New("stopped")
	// ErrTruncated is why a followed document can be read no further: the file was
	// truncated, or truncated and written anew. What had no line ending by then was
	// not handed out: who copies and truncates has it in the copy.
	ErrTruncated = errors.New("truncated")
	// ErrCompressed is returned by Follow: compressed files do not grow.
	ErrCompressed = errors.New("it is compressed")
)

// Tail says how a file is followed. It ends when the file was rotated away and has
// not grown for Grace, with ErrTruncated, or with ErrStopped.
type Tail struct {
	Poll  time.Duration   // how often the file is looked at, whatever Wake says
	Grace time.Duration   // how long a file that was rotated away is waited for
	Wake  <-chan struct{} // says that the file may have changed
	Stop  <-chan struct{} // closed to end
}

// Follow opens a plain file to be read for ever. An empty file is ErrEmpty.
func (t Tail) Follow(path string) (*Document, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fileError("open", path, err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fileError("read", path, err)
	}
	head := make([]byte, identity.HeadSize)
	n, err := f.ReadAt(head, 0)
	switch {
	case n == 0 && errors.Is(err, io.EOF):
		err = ErrEmpty
	case compression(head[:n]) != "":
		err = ErrCompressed
	case n > 0:
		err = nil
	}
	if err != nil {
		f.Close()
		return nil, fileError("read", path, err)
	}
	d := &Document{Name: path, Path: path, Modified: info.ModTime(), Size: -1, file: f, live: true, tailed: f, head: head[:n]}
	if abs, err := filepath.Abs(path); err == nil {
		d.Path = abs
	}
	d.source = bufio.NewReaderSize(&counter{r: &tail{Tail: t, path: path, file: f}, n: &d.read}, 64<<10)
	return d, nil
}

// GrownHead is Head of a followed document as far as the file has grown by now.
func (d *Document) GrownHead() []byte {
	head := make([]byte, identity.HeadSize)
	n, _ := d.tailed.ReadAt(head, 0)
	if !bytes.HasPrefix(head[:n], d.head) { // it was written anew
		return d.head
	}
	return head[:n]
}

// tailedAgain opens what a followed file holds by now, whatever has its name.
func (d *Document) tailedAgain() (*Document, error) {
	info, err := d.tailed.Stat()
	if err != nil {
		return nil, fileError("read", d.Name, err)
	}
	again := &Document{Name: d.Name, Path: d.Path, Modified: d.Modified, Size: info.Size()}
	err = again.start(io.NewSectionReader(d.tailed, 0, info.Size()))
	return again, err
}

// IsCompressed reports whether there is a compressed file at path.
func IsCompressed(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var magic [magicSize]byte
	n, _ := io.ReadFull(f, magic[:])
	return compression(magic[:n]) != ""
}

// tail reads a file and waits at its end.
type tail struct {
	Tail
	path string
	file *os.File
	at   int64
	last []byte // the bytes before at
}

// lastSize is how many bytes before a position tell whether a file was written
// anew. That it is the very text that stood there is what matters.
const lastSize = 256

func (t *tail) Read(p []byte) (int, error) {
	var quiet time.Duration // of a file that was rotated away
	for {
		select {
		case <-t.Stop:
			return 0, ErrStopped
		default:
		}
		if t.anew() {
			return 0, ErrTruncated
		}
		n, err := t.file.ReadAt(p, t.at)
		if n > 0 {
			t.at += int64(n)
			t.last = append(t.last, p[max(0, n-lastSize):n]...)
			t.last = t.last[max(0, len(t.last)-lastSize):]
			return n, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if t.rotated() {
			if quiet >= t.Grace {
				return 0, io.EOF
			}
			quiet += t.Poll
		}
		select {
		case <-t.Stop:
			return 0, ErrStopped
		case <-t.Wake:
			if quiet == 0 {
				continue
			}
			time.Sleep(t.Poll) // what counts as quiet is time, not wake-ups
		case <-time.After(t.Poll):
		}
	}
}

// anew reports whether the file was truncated, or truncated and written anew.
func (t *tail) anew() bool {
	info, err := t.file.Stat()
	if err != nil || info.Size() < t.at {
		return err == nil
	}
	if info.Size() == t.at {
		return false // nothing new to read
	}
	now := make([]byte, len(t.last))
	n, err := t.file.ReadAt(now, t.at-int64(len(now)))
	return err == nil && !bytes.Equal(now[:n], t.last)
}

// rotated reports whether the path is another file's by now, or nobody's.
func (t *tail) rotated() bool {
	named, err := os.Stat(t.path)
	if errors.Is(err, os.ErrNotExist) {
		return true
	}
	own, oerr := t.file.Stat()
	return err == nil && oerr == nil && !os.SameFile(named, own)
}
