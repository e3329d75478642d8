package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/input"
	"github.com/whoknocks/whoknocks/services/ingest/internal/stream"
)

var (
	// ErrGone is returned by Reread when the file is under none of the names by
	// which it is known, or something else is.
	ErrGone = errors.New("file is gone")
	// ErrIncomplete is returned by Reread, wrapped, after everything else, when
	// an import of the file was broken off: what comes after its position was
	// never promised.
	ErrIncomplete = errors.New("file was not imported to its end")
)

// rereadBatch is how many events Reread hands out at once.
const rereadBatch = 1000

// Counts are sums over lines. Lines is always Events + Unrecognised + Rejected.
type Counts = stream.Counts

// Repairs counts the events whose time was repaired, and how.
type Repairs = stream.Repairs

// DayCounts are the sums of a day, in UTC. Lines without a usable time count on
// the day of the file.
type DayCounts struct {
	Day string // YYYY-MM-DD
	Counts
}

// Reread reads a known file again, exactly as it was imported, and hands its
// events to yield, up to 1000 at a time, so that somebody can check that all of
// them were stored. Nothing is published. The events are valid until yield
// returns, their strings for longer; an error of yield ends the reading and is
// returned.
//
// It reads up to File.Position, which for a file that was not imported to its end
// is all that was promised; the error is then ErrIncomplete, besides the counts.
// A file that is not there any more is ErrGone. Calls wait for each other.
func (s *Service) Reread(ctx context.Context, file File, yield func([]scan.Event) error) ([]DayCounts, error) {
	s.rereading.Lock()
	defer s.rereading.Unlock()
	doc, err := s.reopen(ctx, file)
	if err != nil {
		return nil, err
	}
	defer doc.Close()
	cfg, err := s.configOf(file, doc.Name, 0)
	if err != nil {
		return nil, fmt.Errorf("read %s again: %w", doc.Name, err)
	}
	cfg.Daily = true
	r := &rereader{upto: file.Position, yield: yield, open: func() (*times, error) {
		t, err := s.openTimes(ctx, file.Sensor)
		if err != nil {
			return nil, err
		}
		err = t.load(ctx)
		return t, err
	}}
	if r.stream, err = stream.New(cfg, r); err != nil {
		return nil, fmt.Errorf("read %s again: %w", doc.Name, err)
	}
	err = doc.Chunks(ctx, r.chunk)
	if err == nil || errors.Is(err, errEnough) {
		err = r.finish()
	}
	if err != nil {
		return nil, err
	}
	var days []DayCounts
	r.stream.Days(func(day string, c stream.Counts) { days = append(days, DayCounts{day, c}) })
	if !file.Done {
		return days, fmt.Errorf("%s: %w (byte %d)", doc.Name, ErrIncomplete, file.Position)
	}
	return days, nil
}

// reopen opens the first of the file's names that still holds it, as far as it
// was read.
func (s *Service) reopen(ctx context.Context, file File) (*input.Document, error) {
	var why []error
	for _, path := range file.Paths {
		doc, err := s.reopener.Open(path)
		if err != nil {
			why = append(why, err)
			continue
		}
		way, err := wayTo(ctx, doc, file)
		if err == nil && way == sameWay {
			return doc, nil
		}
		doc.Close()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		why = append(why, fmt.Errorf("%s is another file by now", path))
	}
	if len(file.Paths) == 0 {
		why = append(why, errors.New("it came through stdin"))
	}
	return nil, fmt.Errorf("%w: %w", ErrGone, errors.Join(why...))
}

var errEnough = errors.New("enough")

// rereader is the sink of a file that is read again.
type rereader struct {
	stream *stream.Stream
	upto   int64
	line   int64
	events []scan.Event
	yield  func([]scan.Event) error
	open   func() (*times, error)
	times  *times // of events without a time of their own, opened when first needed
}

func (r *rereader) chunk(c input.Chunk) error {
	now := time.Now().UTC()
	for l := range c.Lines() {
		if l.At >= r.upto {
			return errEnough
		}
		r.line++
		var err error
		if l.Long > 0 {
			err = r.stream.Long(l.Text, l.Long, r.line, now)
		} else {
			err = r.stream.Line(l.Text, r.line, now)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *rereader) finish() error {
	if err := r.stream.Flush(time.Now().UTC()); err != nil {
		return err
	}
	return r.flush()
}

// Event gathers events for yield.
func (r *rereader) Event(ev *scan.Event) error {
	r.events = append(r.events, *ev)
	if ev.TimeBasis == scan.TimeReceived {
		if r.times == nil {
			var err error
			if r.times, err = r.open(); err != nil {
				return err
			}
		}
		r.times.set(r.events[len(r.events)-1:])
	}
	if len(r.events) < rereadBatch {
		return nil
	}
	return r.flush()
}

// Rejected passes over what is no event: it is counted.
func (r *rereader) Rejected(*scan.Rejected) error { return nil }

func (r *rereader) flush() error {
	if len(r.events) == 0 {
		return nil
	}
	err := r.yield(r.events)
	clear(r.events)
	r.events = r.events[:0]
	return err
}
