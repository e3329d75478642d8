package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/services/ingest/internal/identity"
	"github.com/whoknocks/whoknocks/services/ingest/internal/input"
)

// filesBucket is where the bus keeps what is known of each file.
const filesBucket = "files"

// maxPaths bounds the names under which one file is known.
const maxPaths = 16

// File is what is known of an imported file, or of what came through stdin. It
// is known by its content, so that a copy, a renamed or a compressed one is the
// same file. What it says of times was settled when the file was first imported
// and never changes: repaired times are part of how events are stored.
type File struct {
	Fingerprint string    `json:"-"`
	Paths       []string  `json:"paths,omitempty"` // absolute, the latest first; none for stdin
	Sensor      string    `json:"sensor"`
	Format      string    `json:"format"`         // as asked for: a name, or auto
	Timezone    string    `json:"timezone"`       // IANA name or offset
	Year        int       `json:"year,omitempty"` // of times that have none; 0 takes it from Reference
	Reference   time.Time `json:"reference"`      // date of the file
	// Of a file whose times have no year: in which order they run, and the year of
	// the first.
	Order     string    `json:"order,omitempty"` // ascending or descending
	FirstYear int       `json:"first_year,omitempty"`
	Position  int64     `json:"position"` // in the plain text: everything before it is on the bus
	Sum       uint64    `json:"sum"`      // of the text before Position, see input.Trail
	Lines     int64     `json:"lines"`    // before Position
	Done      bool      `json:"done"`     // the file was read to its end
	Updated   time.Time `json:"updated"`

	revision uint64 // in the bucket
}

// Files returns the files that were ever imported, by path, the mails of a mailbox
// in their order. It waits for the bus until ctx ends.
func (s *Service) Files(ctx context.Context) ([]File, error) {
	files, err := s.openFiles(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := files.keys(ctx)
	if err != nil {
		return nil, err
	}
	var out []File
	for _, key := range keys {
		f, err := files.get(ctx, key)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b File) int {
		return input.ByMailbox(strings.Join(a.Paths[:min(1, len(a.Paths))], ""), strings.Join(b.Paths[:min(1, len(b.Paths))], ""))
	})
	return out, nil
}

// fileStore is the bucket. It serves one goroutine.
type fileStore struct {
	kv    jetstream.KeyValue
	short map[string]int // how long the documents are that are known by less than a head; nil until listed
}

func (s *Service) openFiles(ctx context.Context) (*fileStore, error) {
	kv, err := s.bus.KeyValue(ctx, filesBucket, bus.KVConfig{})
	if err != nil {
		return nil, err
	}
	return &fileStore{kv: kv}, nil
}

// key names a document in the bucket: its fingerprint, and where the document
// was shorter than a head, how long it was.
func key(sensor string, head []byte) string {
	k := fmt.Sprintf("%016x", identity.Fingerprint(sensor, head))
	if len(head) < identity.HeadSize {
		k += "." + strconv.Itoa(len(head))
	}
	return k
}

// find returns the file that begins with head: the one known by the whole of it,
// or else the longest that was shorter when it was imported and has grown since,
// unless it only begins alike, which is for the caller to tell. The error is
// jetstream.ErrKeyNotFound if there is none.
func (f *fileStore) find(ctx context.Context, sensor string, head []byte) (File, error) {
	file, err := f.get(ctx, key(sensor, head))
	if !errors.Is(err, jetstream.ErrKeyNotFound) {
		return file, err
	}
	if err := f.list(ctx); err != nil {
		return File{}, err
	}
	sizes := make(map[int]bool)
	for _, n := range f.short {
		sizes[n] = n < len(head)
	}
	best, longest := "", 0
	for n, fits := range sizes {
		if !fits || n <= longest {
			continue
		}
		if k := key(sensor, head[:n]); f.short[k] == n {
			best, longest = k, n
		}
	}
	if best == "" {
		return File{}, jetstream.ErrKeyNotFound
	}
	return f.get(ctx, best)
}

// list fills short, once: there may be a hundred thousand files.
func (f *fileStore) list(ctx context.Context) error {
	if f.short != nil {
		return nil
	}
	keys, err := f.keys(ctx)
	if err != nil {
		return err
	}
	f.short = make(map[string]int)
	for _, k := range keys {
		f.listed(k)
	}
	return nil
}

func (f *fileStore) listed(key string) {
	_, size, short := strings.Cut(key, ".")
	if n, err := strconv.Atoi(size); short && err == nil && f.short != nil {
		f.short[key] = n
	}
}

// adopt keeps a file that has grown under the key of the head that it has now.
func (f *fileStore) adopt(ctx context.Context, old File, key string) (File, error) {
	grown := old
	grown.Fingerprint = key
	grown, err := f.create(ctx, grown)
	if err != nil {
		return File{}, err
	}
	err = retry(ctx, func(ctx context.Context) error { return f.kv.Delete(ctx, old.Fingerprint) })
	if err != nil {
		return File{}, fmt.Errorf("forget that file %s was shorter: %w", old.Fingerprint, err)
	}
	delete(f.short, old.Fingerprint)
	return grown, nil
}

func (f *fileStore) get(ctx context.Context, key string) (file File, err error) {
	err = retry(ctx, func(ctx context.Context) error {
		entry, err := f.kv.Get(ctx, key)
		if err != nil {
			return err
		}
		file = File{Fingerprint: key, revision: entry.Revision()}
		return json.Unmarshal(entry.Value(), &file)
	})
	if err != nil && !errors.Is(err, jetstream.ErrKeyNotFound) {
		err = fmt.Errorf("read what is known of file %s: %w", key, err)
	}
	return file, err
}

// create keeps a new file, and returns the one that somebody else was quicker
// to keep.
func (f *fileStore) create(ctx context.Context, file File) (File, error) {
	value, err := json.Marshal(file)
	if err != nil {
		return File{}, err
	}
	f.listed(file.Fingerprint)
	err = retry(ctx, func(ctx context.Context) (err error) {
		file.revision, err = f.kv.Create(ctx, file.Fingerprint, value)
		return err
	})
	if errors.Is(err, jetstream.ErrKeyExists) {
		return f.get(ctx, file.Fingerprint)
	}
	if err != nil {
		return File{}, fmt.Errorf("keep what is known of file %s: %w", file.Fingerprint, err)
	}
	return file, nil
}

// put keeps what is known. If another import of the same file has come further
// by now, that stays, and file takes it over.
func (f *fileStore) put(ctx context.Context, file *File) error {
	file.Updated = time.Now().UTC().Truncate(time.Second)
	for {
		value, err := json.Marshal(file)
		if err != nil {
			return err
		}
		err = retry(ctx, func(ctx context.Context) error {
			revision, err := f.kv.Update(ctx, file.Fingerprint, value, file.revision)
			if err == nil {
				file.revision = revision
			}
			return err
		})
		if err == nil {
			return nil
		}
		if !errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
			return fmt.Errorf("keep the position in file %s: %w", file.Fingerprint, err)
		}
		other, err := f.get(ctx, file.Fingerprint)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			return nil // it has grown, and somebody else keeps it under another key
		}
		if err != nil {
			return err
		}
		file.merge(other)
	}
}

// merge takes over what another import has kept of the file meanwhile.
func (f *File) merge(other File) {
	f.revision = other.revision
	if other.Done && !f.Done || other.Done == f.Done && other.Position > f.Position {
		f.Position, f.Sum, f.Lines, f.Done = other.Position, other.Sum, other.Lines, other.Done
	}
	for _, path := range other.Paths {
		if len(f.Paths) < maxPaths && !slices.Contains(f.Paths, path) {
			f.Paths = append(f.Paths, path)
		}
	}
}

func (f *fileStore) keys(ctx context.Context) (keys []string, err error) {
	err = retry(ctx, func(ctx context.Context) error {
		keys, err = f.kv.Keys(ctx)
		if errors.Is(err, jetstream.ErrNoKeysFound) {
			keys, err = nil, nil
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the known files: %w", err)
	}
	return keys, nil
}

// retry repeats f, each time with a few seconds, until it succeeds, ctx ends or
// trying again cannot help. Its error holds the last cause.
func retry(ctx context.Context, f func(context.Context) error) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := f(attempt)
		cancel()
		var syntax *json.SyntaxError
		if err == nil || errors.Is(err, jetstream.ErrKeyNotFound) || errors.Is(err, jetstream.ErrKeyExists) ||
			errors.Is(err, jetstream.ErrKeyRevisionMismatch) || errors.As(err, &syntax) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; last cause: %w", context.Cause(ctx), err)
		case <-time.After(wait):
		}
	}
}

// settings are what a file is read with, given for it or by default.
type settings struct {
	sensor, format, timezone string
	year                     int
	// which of them the user asked for
	askedFormat, askedTimezone, askedYear bool
}

// agree checks that what the user asks for is what the file was first imported
// with.
func (f *File) agree(want settings) error {
	differs := func(what string, old, now any) error {
		return fmt.Errorf("it was first imported with %s %v, not %v: its events are stored by their times, and would be counted twice", what, old, now)
	}
	year := func(y int) string {
		if y == 0 {
			return "auto"
		}
		return strconv.Itoa(y)
	}
	switch {
	case want.askedTimezone && f.Timezone != want.timezone:
		return differs("time zone", f.Timezone, want.timezone)
	case want.askedYear && f.Year != want.year:
		return differs("year", year(f.Year), year(want.year))
	case want.askedFormat && f.Format != want.format:
		return fmt.Errorf("it was first imported with format %s, not %s", f.Format, want.format)
	}
	return nil
}

// seenAt puts path in front of the names under which the file is known.
func (f *File) seenAt(path string) {
	if path == "" {
		return
	}
	f.Paths = slices.DeleteFunc(f.Paths, func(p string) bool { return p == path })
	f.Paths = append([]string{path}, f.Paths...)
	f.Paths = f.Paths[:min(len(f.Paths), maxPaths)]
}
