package ingest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sync/errgroup"

	"github.com/whoknocks/whoknocks/services/ingest/internal/input"
)

// searchEvery is how often the patterns of followed files are tried again.
const searchEvery = 5 * time.Second

// follower reads files that grow, and those that appear in the drop folder.
//
// Notifications of the system (fsnotify) only make it quicker: network file
// systems and containers miss them, so that what counts is looking, every
// Config.Poll. The reading is the import's own, over a file that stays open: a
// library for tailing (nxadm/tail) hands out lines without a position that could
// be resumed together with the ordinals of equal lines, holds a line of any
// length in memory, and opens the new file as soon as the old one is renamed,
// whether or not all of the old one was read.
type follower struct {
	s     *Service
	watch *fsnotify.Watcher // nil if the system has none
	woken map[string]chan struct{}
	seen  map[string]stamp // of files that are imported as they appear
}

// stamp tells whether a file has changed.
type stamp struct {
	size int64
	at   time.Time
	done bool // this state of it was imported, or is for somebody else
	when time.Time
}

func (s *Service) follows() bool { return len(s.cfg.Follow) > 0 || s.cfg.Drop != "" }

// follow runs until ctx ends; work is what publishing may take after that.
func (s *Service) follow(ctx, work context.Context) error {
	f := &follower{s: s, woken: make(map[string]chan struct{}), seen: make(map[string]stamp)}
	var err error
	if f.watch, err = fsnotify.NewWatcher(); err != nil {
		s.log.Info("files are not watched, only looked at", "error", err)
	} else {
		defer f.watch.Close()
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return f.search(ctx, work, g) })
	g.Go(func() error { return f.collect(ctx, work) })
	return g.Wait()
}

// search starts a reader for each file that a pattern fits, and passes
// notifications on.
func (f *follower) search(ctx, work context.Context, g *errgroup.Group) error {
	gone := make(chan string)
	poll := time.NewTicker(f.s.cfg.Poll)
	defer poll.Stop()
	var events chan fsnotify.Event
	var failures chan error
	if f.watch != nil {
		events, failures = f.watch.Events, f.watch.Errors
	}
	var next time.Time
	for {
		if now := time.Now(); now.After(next) {
			next = now.Add(searchEvery)
			for _, path := range f.found() {
				wake := make(chan struct{}, 1)
				f.woken[path] = wake
				f.s.metrics.following.Inc()
				g.Go(func() error {
					err := f.read(ctx, work, path, wake)
					f.s.metrics.following.Dec()
					select {
					case gone <- path:
					case <-ctx.Done():
					}
					return err
				})
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case path := <-gone:
			delete(f.woken, path)
		case <-poll.C:
		case err := <-failures:
			f.s.log.Debug("notifications of changed files were lost", "error", err)
			next = time.Time{}
		case e := <-events:
			if wake := f.woken[e.Name]; wake != nil {
				select {
				case wake <- struct{}{}:
				default:
				}
			}
			if e.Has(fsnotify.Create) {
				next = time.Time{}
			}
		}
	}
}

// found returns the files that are there to be followed and are not yet, and has
// their folders watched.
func (f *follower) found() (paths []string) {
	for _, file := range f.expand(f.s.cfg.Follow) {
		if f.woken[file.Path] != nil || input.IsCompressed(file.Path) {
			continue
		}
		if _, err := os.Stat(file.Path); err == nil {
			paths = append(paths, file.Path)
			if f.watch != nil {
				_ = f.watch.Add(filepath.Dir(file.Path)) // one that can't be watched is looked at
			}
		}
	}
	return paths
}

func (f *follower) expand(patterns []string) (files []input.File) {
	for _, pattern := range patterns {
		found, err := input.Expand([]string{pattern})
		if err != nil {
			f.s.log.Debug("nothing to read yet", "pattern", pattern, "error", err)
		}
		files = append(files, found...)
	}
	return files
}

// read follows one path through all files that come to bear its name, until
// nobody does or ctx ends. The file is opened before anybody waits for the bus: it
// may have another name by then.
func (f *follower) read(ctx, work context.Context, path string, wake <-chan struct{}) error {
	tail := input.Tail{Poll: f.s.cfg.Poll, Grace: 2 * f.s.cfg.Poll, Wake: wake, Stop: ctx.Done()}
	var im *importer
	defer func() {
		if im != nil {
			im.close()
		}
	}()
	for ctx.Err() == nil {
		doc, err := tail.Follow(path)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, input.ErrCompressed):
			return f.end(im)
		case err != nil:
			if !errors.Is(err, input.ErrEmpty) {
				f.s.log.Warn("followed file cannot be read", "error", err)
			}
			f.pause(ctx, wake)
			continue
		}
		if im == nil {
			im, err = f.s.newImporter(work, ImportOptions{Files: []string{path}, live: true})
		}
		if err == nil {
			err = f.document(im, doc)
		}
		doc.Close()
		var damaged *input.ReadError
		switch {
		case errors.As(err, &damaged):
			f.s.log.Warn("followed file can be read no further", "error", err)
			f.pause(ctx, wake)
		case err != nil:
			return fmt.Errorf("follow %s: %w", path, err)
		}
	}
	return f.end(im)
}

// end gets what was read onto the bus.
func (f *follower) end(im *importer) error {
	if im == nil {
		return nil
	}
	return im.settle()
}

func (f *follower) pause(ctx context.Context, wake <-chan struct{}) {
	select {
	case <-ctx.Done():
	case <-wake:
	case <-time.After(f.s.cfg.Poll):
	}
}

// document reads one file to its end, that is until it was rotated away or
// truncated, or until ctx ends.
func (f *follower) document(im *importer, doc *input.Document) error {
	im.files.short = nil // others may have added to them
	file, same, err := im.known(doc, doc.Head())
	if err != nil {
		return err
	}
	d, err := im.newDocument(doc, file, doc.Head(), same)
	if err != nil {
		return err
	}
	chunks, failed := make(chan input.Chunk), make(chan error, 1)
	go func() {
		failed <- doc.Chunks(im.ctx, func(c input.Chunk) error {
			select {
			case chunks <- c:
				return nil
			case <-im.ctx.Done():
				return context.Cause(im.ctx)
			}
		})
		close(chunks)
	}()
	save := time.NewTicker(f.s.saveEvery)
	defer save.Stop()
	for open := true; open; {
		select {
		case c, ok := <-chunks:
			if open = ok; ok {
				if err := d.chunk(c); err != nil {
					return err
				}
			}
		case <-save.C: // what was sent before a pause
			if err := im.keep(d, time.Now()); err != nil {
				return err
			}
			if err := im.grown(d, doc); err != nil {
				return err
			}
		}
	}
	err = <-failed
	switch {
	case err == nil, errors.Is(err, input.ErrTruncated):
		f.s.metrics.rotations.Inc()
		f.s.log.Info("followed file has ended", "path", doc.Path, "lines", d.line)
		var cut *input.ReadError
		if errors.As(err, &cut) && cut.Left > 0 {
			f.s.log.Warn("followed file was truncated within a line, which is not read", "path", doc.Path, "bytes", cut.Left)
		}
		if err = im.grown(d, doc); err == nil {
			err = d.finish()
		}
	case errors.Is(err, input.ErrStopped):
		err = d.settle()
	}
	d.count(0)
	d.summarise()
	d.closed = true
	return err
}

// grown keeps a file under the key of the head that it has by now: the next one
// may begin as it did.
func (im *importer) grown(d *document, doc *input.Document) error {
	if !strings.Contains(d.file.Fingerprint, ".") {
		return nil
	}
	now := key(d.file.Sensor, doc.GrownHead())
	if now == d.file.Fingerprint {
		return nil
	}
	file, err := im.files.adopt(im.ctx, d.file, now)
	if err != nil {
		return err
	}
	revision := file.revision
	file.merge(d.file)
	file.revision, d.file = revision, file
	return nil
}

// collect imports what is new in the drop folder, and the compressed files among
// those that are followed, once they have not changed for Config.Quiet. What
// can't be imported is tried again when it changes.
func (f *follower) collect(ctx, work context.Context) error {
	poll := time.NewTicker(f.s.cfg.Poll)
	defer poll.Stop()
	for {
		for _, path := range f.settled() {
			if err := f.take(work, path); err != nil {
				return err
			}
			if ctx.Err() != nil {
				break
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-poll.C:
		}
	}
}

// settled returns the files that are to be imported now.
func (f *follower) settled() (paths []string) {
	there := make(map[string]bool)
	look := func(path string, compressed bool) {
		there[path] = true
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			return
		}
		was, now := f.seen[path], time.Now()
		switch {
		case was.size != info.Size() || !was.at.Equal(info.ModTime()):
			was = stamp{size: info.Size(), at: info.ModTime(), when: now, done: compressed && !input.IsCompressed(path)}
		case !was.done && now.Sub(was.when) >= f.s.cfg.Quiet:
			was.done = true
			paths = append(paths, path)
		}
		f.seen[path] = was
	}
	for _, file := range f.expand(f.s.cfg.Follow) {
		look(file.Path, true)
	}
	if f.s.cfg.Drop != "" {
		for _, file := range f.expand([]string{f.s.cfg.Drop}) {
			look(file.Path, false)
		}
	}
	for path := range f.seen {
		if !there[path] {
			delete(f.seen, path)
		}
	}
	return paths
}

// take imports one file that has appeared, up to the bus.
func (f *follower) take(work context.Context, path string) error {
	im, err := f.s.newImporter(work, ImportOptions{Files: []string{path}, live: true})
	if err != nil {
		return err
	}
	defer im.close()
	err = im.importFile(input.File{Path: path, Found: true})
	if err == nil {
		err = im.settle()
	}
	if err != nil && work.Err() == nil { // told; the file is tried again when it changes
		f.s.metrics.documents.WithLabelValues("failed").Inc()
		f.s.log.Warn("file was not imported, or not all of it", "error", err)
	}
	if err == nil {
		f.s.metrics.documents.WithLabelValues("done").Inc()
		f.s.log.Info("file was imported", "path", path, "lines", im.sum.Lines, "events", im.sum.Events)
	}
	return nil
}
