package ingest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
	seen  map[string]stamp // of files in the drop folder
}

// stamp tells whether a file has changed.
type stamp struct {
	size int64
	at   time.Time
	done bool // this state of it was imported
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
	return g.Wait()
}

// search starts a reader for each file that a pattern fits, passes notifications
// on, and imports what appears in the drop folder.
func (f *follower) search(ctx, work context.Context, g *errgroup.Group) error {
	gone := make(chan string)
	poll := time.NewTicker(f.s.cfg.Poll)
	defer poll.Stop()
	var events chan fsnotify.Event
	if f.watch != nil {
		events = f.watch.Events
	}
	var next time.Time
	for {
		if now := time.Now(); now.After(next) {
			next = now.Add(searchEvery)
			for _, path := range f.found() {
				if f.woken[path] != nil {
					continue
				}
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
		if err := f.dropped(ctx, work); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case path := <-gone:
			delete(f.woken, path)
		case <-poll.C:
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

// found returns the files that are there to be followed, and has their folders
// watched.
func (f *follower) found() (paths []string) {
	for _, pattern := range f.s.cfg.Follow {
		files, err := input.Expand([]string{pattern})
		if err != nil {
			f.s.log.Debug("nothing to follow yet", "pattern", pattern, "error", err)
		}
		for _, file := range files {
			if _, err := os.Stat(file.Path); err == nil {
				paths = append(paths, file.Path)
				f.watchFolder(filepath.Dir(file.Path))
			}
		}
	}
	return paths
}

func (f *follower) watchFolder(dir string) {
	if f.watch != nil {
		_ = f.watch.Add(dir) // one that can't be watched is looked at
	}
}

// read follows one path through all files that come to bear its name, until
// nobody does or ctx ends.
func (f *follower) read(ctx, work context.Context, path string, wake <-chan struct{}) error {
	im, err := f.s.newImporter(work, ImportOptions{Files: []string{path}, patient: true})
	if err != nil {
		return err
	}
	defer im.close()
	tail := input.Tail{Poll: f.s.cfg.Poll, Grace: 2 * f.s.cfg.Poll, Wake: wake, Stop: ctx.Done()}
	for ctx.Err() == nil {
		doc, err := tail.Follow(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return im.settle()
		case err != nil:
			if !errors.Is(err, input.ErrEmpty) {
				f.s.log.Warn("followed file cannot be read", "error", err)
			}
			f.pause(ctx, wake)
			continue
		}
		err = f.document(im, doc)
		doc.Close()
		if err != nil {
			return fmt.Errorf("follow %s: %w", path, err)
		}
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

// document reads one file to its end, that is until it was rotated away, or
// until ctx ends.
func (f *follower) document(im *importer, doc *input.Document) error {
	head := doc.Head()
	file, err := im.known(doc, head)
	if err != nil {
		return err
	}
	d, err := im.newDocument(doc, file, head)
	if err != nil {
		return err
	}
	d.skip = file.Position // also of a file that was read in full: it may have grown
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
		}
	}
	switch err = <-failed; {
	case err == nil:
		f.s.metrics.rotations.Inc()
		f.s.log.Info("followed file has ended", "path", doc.Path, "lines", d.line)
		err = d.finish()
	case errors.Is(err, input.ErrStopped):
		err = d.settle()
	}
	d.count(0)
	d.summarise()
	d.closed = true
	return err
}

// dropped imports what is new in the drop folder and has not changed for
// Config.Quiet. What can't be imported is tried again when it changes.
func (f *follower) dropped(ctx, work context.Context) error {
	if f.s.cfg.Drop == "" {
		return nil
	}
	f.watchFolder(f.s.cfg.Drop)
	files, err := input.Expand([]string{f.s.cfg.Drop})
	if err != nil {
		f.s.log.Debug("drop folder cannot be read", "error", err)
	}
	there := make(map[string]bool, len(files))
	for _, file := range files {
		there[file.Path] = true
		info, err := os.Stat(file.Path)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		f.watchFolder(filepath.Dir(file.Path))
		was, now := f.seen[file.Path], time.Now()
		if was.size != info.Size() || !was.at.Equal(info.ModTime()) {
			f.seen[file.Path] = stamp{size: info.Size(), at: info.ModTime(), when: now}
			continue
		}
		if was.done || now.Sub(was.when) < f.s.cfg.Quiet {
			continue
		}
		was.done = true
		f.seen[file.Path] = was
		if err := f.take(work, file.Path); err != nil {
			return err
		}
		if ctx.Err() != nil {
			break
		}
	}
	for path := range f.seen {
		if !there[path] {
			delete(f.seen, path)
		}
	}
	return nil
}

// take imports one file of the drop folder, up to the bus.
func (f *follower) take(work context.Context, path string) error {
	im, err := f.s.newImporter(work, ImportOptions{Files: []string{path}, patient: true})
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
		f.s.log.Warn("dropped file was not imported, or not all of it", "error", err)
	}
	if err == nil {
		f.s.metrics.documents.WithLabelValues("done").Inc()
		f.s.log.Info("dropped file was imported", "path", path, "lines", im.sum.Lines, "events", im.sum.Events)
	}
	return nil
}
