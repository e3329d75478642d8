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

// ErrStopped is why a followed document can be read no further: its Tail was told
// to stop. What has no line ending yet was not handed out.
var ErrStopped = errors.New("stopped")

// Tail says how a file is followed. It ends when the file was rotated away and has
// not grown for Grace, when it was truncated or written anew, or by Stop.
type Tail struct {
	Poll  time.Duration   // how often the file is looked at, whatever Wake says
	Grace time.Duration   // how long a file that was rotated away is waited for
	Wake  <-chan struct{} // says that the file may have changed
	Stop  <-chan struct{} // closed to end, with ErrStopped
}

// Follow opens a plain file to be read for ever. Compressed files are not
// followed: they do not grow. An empty file is ErrEmpty.
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
	if n == 0 {
		f.Close()
		if errors.Is(err, io.EOF) {
			err = ErrEmpty
		}
		return nil, fileError("read", path, err)
	}
	d := &Document{Name: path, Path: path, Modified: info.ModTime(), Size: -1, file: f, live: true, head: head[:n]}
	if abs, err := filepath.Abs(path); err == nil {
		d.Path = abs
	}
	d.source = bufio.NewReaderSize(&counter{r: &tail{Tail: t, path: path, file: f, head: head[:n]}, n: &d.read}, 64<<10)
	return d, nil
}

// tail reads a file and waits at its end.
type tail struct {
	Tail
	path string
	file *os.File
	head []byte // what the file began with
	at   int64
}

func (t *tail) Read(p []byte) (int, error) {
	var quiet time.Duration // of a file that was rotated away
	for {
		select {
		case <-t.Stop:
			return 0, ErrStopped
		default:
		}
		if t.anew() {
			return 0, io.EOF
		}
		n, err := t.file.Read(p)
		t.at += int64(n)
		if n > 0 {
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
	if t.at == 0 {
		return false
	}
	info, err := t.file.Stat()
	if err != nil || info.Size() < t.at {
		return err == nil
	}
	if info.Size() == t.at {
		return false // nothing new to read
	}
	now := make([]byte, len(t.head))
	n, err := t.file.ReadAt(now, 0)
	return (err == nil || errors.Is(err, io.EOF)) && !bytes.Equal(now[:n], t.head)
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
