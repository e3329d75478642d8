package ingest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/services/ingest/internal/identity"
	"github.com/whoknocks/whoknocks/services/ingest/internal/input"
)

// The readers behind the bus that an import waits for.
const (
	durableEnrich   = "enrich"
	durableStore    = "store"
	durableRejected = "store-rejected"
)

// reportEvery is how often Progress is called.
const reportEvery = 100 * time.Millisecond

// importer is the state of one Import. It is used by one goroutine.
type importer struct {
	s       *Service
	opts    ImportOptions
	set     settings
	ctx     context.Context // ends with the caller's, or when the import stalls
	cancel  context.CancelCauseFunc
	watch   *watch
	files   *fileStore
	batcher *bus.Batcher

	observed, rejected string // subjects
	buf                []byte // one line, encoded

	// batches that are not on disk, in the order of their first lines
	sent []sent
	last map[string]*bus.Batch // the latest of each subject

	times     *times // opened when first needed
	documents int
	open      []*document // not kept as done yet, in order
	doc       *input.Document
	sources   identity.Addrs
	sum       Summary
	at        Progress
	reported  time.Time
}

// sent is a batch and where the first entry in it stands.
type sent struct {
	batch *bus.Batch
	doc   *document
	at    mark
}

func (s *Service) newImporter(ctx context.Context, opts ImportOptions) (*importer, error) {
	set, err := s.settings(opts)
	if err != nil {
		return nil, err
	}
	if len(opts.Files) == 0 {
		return nil, errors.New("import: no file is named")
	}
	im := &importer{
		s: s, opts: opts, set: set,
		observed: bus.Observed(set.sensor), rejected: bus.Rejected(set.sensor),
		last: make(map[string]*bus.Batch),
	}
	im.ctx, im.cancel = context.WithCancelCause(ctx)
	stall := s.cfg.Stall
	if opts.live {
		stall = math.MaxInt64
	}
	im.watch = newWatch(stall, im.cancel)
	stop := im.watch.start()
	defer stop()
	if im.files, err = s.openFiles(im.ctx); err != nil {
		im.cancel(nil)
		return nil, fmt.Errorf("import: %w", err)
	}
	im.batcher = s.batcher(fileAhead)
	return im, nil
}

func (im *importer) close() {
	im.batcher.Close()
	im.cancel(nil)
}

// add hands an encoded line to the bus. It blocks while the bus is behind.
func (im *importer) add(d *document, subject string) error {
	b, err := im.batcher.Add(im.ctx, subject, im.buf)
	if err != nil {
		im.cancel(err)
		return err
	}
	if b != im.last[subject] {
		im.last[subject] = b
		im.sent = append(im.sent, sent{b, d, d.entry})
	}
	return nil
}

// collect forgets the batches that are on disk, up to the first that is not.
func (im *importer) collect() error {
	n := 0
	for ; n < len(im.sent); n++ {
		select {
		case <-im.sent[n].batch.Done():
		default:
			im.sent = im.sent[n:]
			return nil
		}
		if err := im.stored(im.sent[n]); err != nil {
			return err
		}
	}
	im.sent = im.sent[:0]
	return nil
}

func (im *importer) stored(s sent) error {
	if err := s.batch.Err(); err != nil {
		im.cancel(err)
		return err
	}
	im.watch.progress()
	return nil
}

// keep saves the position in d now and then.
func (im *importer) keep(d *document, now time.Time) error {
	if err := im.sweep(); err != nil {
		return err
	}
	if now.Sub(d.saved) < im.s.saveEvery {
		return im.ctx.Err()
	}
	d.saved = now
	return im.save(d, false)
}

// sweep saves the documents of which no more comes and all is on the bus.
func (im *importer) sweep() error {
	if err := im.collect(); err != nil {
		return err
	}
	left := im.open[:0]
	for i, d := range im.open {
		if !d.closed || len(im.sent) > 0 && im.sent[0].doc.number <= d.number {
			left = append(left, d)
			continue
		}
		if err := im.save(d, d.ended); err != nil {
			im.open = append(left, im.open[i:]...)
			return err
		}
	}
	clear(im.open[len(left):])
	im.open = left
	return nil
}

// save keeps how far d is safe on the bus, unless an earlier import came further.
func (im *importer) save(d *document, done bool) error {
	at := d.next
	for _, s := range im.sent {
		if s.doc == d && s.at.at < at.at {
			at = s.at
		}
	}
	if at.at < d.file.Position || at.at == d.file.Position && !done {
		return nil
	}
	d.file.Position, d.file.Sum, d.file.Lines, d.file.Done = at.at, at.sum, d.line, done
	if err := im.files.put(im.ctx, &d.file); err != nil {
		im.cancel(err)
		return fmt.Errorf("import %s: %w", d.name, err)
	}
	return nil
}

// settle waits until everything is on the bus, and keeps it.
func (im *importer) settle() error {
	stop := im.watch.start()
	defer stop()
	if err := im.batcher.Flush(im.ctx); err != nil && im.ctx.Err() == nil {
		im.cancel(err)
	}
	for _, s := range im.sent {
		select {
		case <-s.batch.Done():
		case <-im.ctx.Done():
		}
		if im.ctx.Err() != nil {
			return im.failed(s.doc, context.Cause(im.ctx))
		}
	}
	return im.sweep()
}

// failed says why the import of d ended before its time, from where on it is not
// safe, and what the bus said last.
func (im *importer) failed(d *document, err error) error {
	cause := context.Cause(im.ctx)
	_ = im.collect() // its error is in the batches
	at := d.next
	if len(im.sent) > 0 && im.sent[0].doc == d {
		at = im.sent[0].at
	}
	if !errors.Is(cause, ErrStalled) {
		return fmt.Errorf("import %s: at byte %d: %w", d.name, at.at, cause)
	}
	im.batcher.Close() // makes the batches tell what they wait for
	for _, s := range im.sent {
		if e := s.batch.Err(); e != nil && strings.Contains(e.Error(), lastCause) {
			err = e
			break
		}
	}
	return &stallError{fmt.Sprintf("import %s: no progress for %s at byte %d; all before it is safe, import the file again to go on", d.name, im.watch.limit, at.at), err}
}

// awaitQueryable blocks until everything that is on the bus by now is in tables,
// also what an import before this one has put there.
func (im *importer) awaitQueryable() error {
	stop := im.watch.start()
	defer stop()
	var readers []reader
	if im.sum.Events > 0 {
		// What enrich makes of an event is in the other streams before it takes
		// the next.
		readers = append(readers, reader{bus.StreamObserved, durableEnrich}, reader{bus.StreamEnriched, durableStore})
	}
	if im.sum.Events > 0 || im.sum.Rejected > 0 || im.sum.Unrecognised > 0 {
		readers = append(readers, reader{bus.StreamRejected, durableRejected})
	}
	for _, r := range readers {
		seq, err := im.s.bus.LastSeq(im.ctx, r.stream)
		if err == nil {
			err = im.await(r.stream, r.durable, seq)
		}
		if err != nil {
			return im.waitFailed(r.durable, err)
		}
	}
	return nil
}

type reader struct{ stream, durable string }

// await blocks until durable has taken everything of stream up to seq.
func (im *importer) await(stream, durable string, seq uint64) error {
	last := uint64(0)
	for pause := 2 * time.Millisecond; ; pause = min(pause*3/2, 100*time.Millisecond) {
		floor, err := im.s.bus.AckFloor(im.ctx, stream, durable)
		if err != nil {
			return err
		}
		if floor >= seq {
			return nil
		}
		if floor > last {
			last = floor
			im.watch.progress()
		}
		select {
		case <-im.ctx.Done():
			return fmt.Errorf("it stands at message %d of %d in stream %s", floor, seq, stream)
		case <-time.After(pause):
		}
		im.report(false)
	}
}

func (im *importer) waitFailed(durable string, err error) error {
	if cause := context.Cause(im.ctx); cause != nil && !errors.Is(cause, ErrStalled) {
		return cause
	}
	return &stallError{fmt.Sprintf("import: everything is safe on the bus, but %q makes no progress since %s, so it cannot be queried yet: is it running?",
		durable, im.watch.limit), err}
}

// report calls Progress, now or if it is time.
func (im *importer) report(now bool) {
	if im.opts.Progress == nil || !now && time.Since(im.reported) < reportEvery {
		return
	}
	im.reported = time.Now()
	p := im.at
	p.Size = -1
	if im.doc != nil {
		p.Read, p.Size = im.doc.Read(), im.doc.Size
	}
	p.Lines, p.Events = im.sum.Lines, im.sum.Events
	im.opts.Progress(p)
}

// ErrStalled is returned, wrapped with what stands still and why, by Import when
// nothing has moved for Config.Stall. How much can be queried by then is open.
var ErrStalled = errors.New("no progress")

// watch ends a context when nothing moves for too long. It is only set while
// somebody waits for the bus: a reader may pause as long as it likes.
type watch struct {
	limit time.Duration
	timer *time.Timer
	set   int
}

func newWatch(limit time.Duration, cancel context.CancelCauseFunc) *watch {
	w := &watch{limit: limit, timer: time.AfterFunc(limit, func() { cancel(ErrStalled) })}
	w.timer.Stop()
	return w
}

// start sets the watch until stop is called.
func (w *watch) start() (stop func()) {
	w.set++
	w.timer.Reset(w.limit)
	return func() {
		if w.set--; w.set == 0 {
			w.timer.Stop()
		}
	}
}

// progress says that something moved.
func (w *watch) progress() {
	if w.set > 0 {
		w.timer.Reset(w.limit)
	}
}

// lastCause stands before what went wrong last in the errors of package bus.
const lastCause = "last cause: "

// stallError tells what stands still, and in its last cause why.
type stallError struct {
	what string
	err  error
}

func (e *stallError) Error() string {
	if e.err == nil {
		return e.what
	}
	why := e.err.Error()
	if i := strings.LastIndex(why, lastCause); i >= 0 {
		why = why[i+len(lastCause):]
	}
	return e.what + ": " + why
}

func (e *stallError) Unwrap() []error { return []error{ErrStalled, e.err} }
