package ingest

import (
	"fmt"
	"time"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/input"
	"github.com/whoknocks/whoknocks/services/ingest/internal/stream"
)

// document is a file on its way to the bus. It is the sink of its stream.
type document struct {
	im     *importer
	file   File
	name   string
	stream *stream.Stream
	number int // documents of an import in order

	before  stream.Counts // what was counted already
	binary  int           // position of a byte in the head that no text holds, or -1
	tooLong string        // what to say of the first line that was too long
	longs   int64
	held    []scan.Event // whose time must be settled, see times
	heldAt  mark         // of the first of them

	// Positions are of bytes in the plain text.
	known int64 // lines that end there or before were on the bus before
	skip  int64 // lines that end there or before need not be published again
	line  int64 // number of the line being read
	upto  int64 // where it ends
	trail input.Trail
	at    mark // where it begins
	entry mark // where the entry begins that it belongs to: the line before, if that waits for it
	next  mark // all before it has become something
	end   mark // all before it was read

	closed bool // no more lines come of it
	ended  bool // because it was read to its end
	saved  time.Time
}

// mark is a position and the sum of all text before it.
type mark struct {
	at  int64
	sum uint64
}

// newDocument returns a document of which same says whether it is file, as far as
// that was read.
func (im *importer) newDocument(in *input.Document, file File, head []byte, same bool) (*document, error) {
	d := &document{
		im: im, file: file, name: in.Name, known: file.Position, binary: input.Binary(head),
		trail: input.NewTrail(), saved: time.Now(),
	}
	if same && (im.opts.live || !file.Done) {
		d.skip = file.Position
	}
	samples := im.s.cfg.Samples
	if d.binary >= 0 {
		samples = 0 // nobody wants to look at them
	}
	cfg, err := im.s.configOf(file, in.Name, samples)
	if err != nil {
		return nil, fmt.Errorf("import %s: %w", in.Name, err)
	}
	if d.stream, err = stream.New(cfg, d); err != nil {
		return nil, fmt.Errorf("import %s: %w", in.Name, err)
	}
	im.documents++
	d.number = im.documents
	im.open = append(im.open, d)
	return d, nil
}

// chunk reads the lines of a chunk.
func (d *document) chunk(c input.Chunk) error {
	stop := d.im.watch.start()
	defer stop()
	now := time.Now().UTC()
	for l := range c.Lines() {
		d.line++
		if d.entry = d.end; d.stream.Pending() {
			d.entry = d.at
		}
		d.at, d.upto = d.end, l.End
		if err := d.read(l, now); err != nil {
			return err
		}
		d.trail.Add(l)
		d.end = mark{l.End, d.trail.Sum()}
	}
	if d.next = d.end; d.stream.Pending() {
		d.next = d.at
	}
	if err := d.settle(); err != nil {
		return err
	}
	d.count(len(c.Text))
	return d.im.keep(d, now)
}

// read takes one line. One that is too long is rejected, and the import will fail.
func (d *document) read(l input.Line, now time.Time) error {
	if l.Long == 0 {
		return d.stream.Line(l.Text, d.line, now)
	}
	if d.longs++; d.longs == 1 {
		d.tooLong = fmt.Sprintf("line %d at byte %d has %d bytes, more than the %d that a line may have", d.line, l.At, l.Long, input.MaxLine)
	}
	return d.stream.Long(l.Text, l.Long, d.line, now)
}

// finish ends the document: everything was read.
func (d *document) finish() error {
	stop := d.im.watch.start()
	defer stop()
	d.entry = d.at
	if err := d.stream.Flush(time.Now().UTC()); err != nil {
		return err
	}
	if err := d.settle(); err != nil {
		return err
	}
	d.next, d.ended = d.end, true
	return nil
}

// settle publishes the events that were held back.
func (d *document) settle() (err error) {
	if len(d.held) == 0 {
		return nil
	}
	im := d.im
	if im.times == nil {
		if im.times, err = im.s.openTimes(im.ctx, d.file.Sensor); err != nil {
			return fmt.Errorf("import %s: %w", d.name, err)
		}
	}
	if err := im.times.settle(im.ctx, d.held); err != nil {
		return fmt.Errorf("import %s: %w", d.name, err)
	}
	entry := d.entry
	d.entry = d.heldAt
	for i := range d.held {
		im.buf = d.held[i].AppendJSON(im.buf[:0])
		if err := im.add(d, im.observed); err != nil {
			return err
		}
	}
	d.entry = entry
	clear(d.held)
	d.held = d.held[:0]
	return nil
}

// summarise adds to the summary what is told once, at the end.
func (d *document) summarise() {
	d.im.sum.Repairs.Add(d.stream.Repairs())
	d.stream.Formats(func(name string, c stream.Counts) {
		if d.im.sum.Formats == nil {
			d.im.sum.Formats = make(map[string]Counts)
		}
		total := d.im.sum.Formats[name]
		total.Add(c)
		d.im.sum.Formats[name] = total
		d.im.s.metrics.formats.WithLabelValues(name, "event").Add(float64(c.Events))
		d.im.s.metrics.formats.WithLabelValues(name, "rejected").Add(float64(c.Rejected))
	})
}

// noLog reports whether the document holds binary data and no line that any
// format claims.
func (d *document) noLog() bool {
	c := d.stream.Counts()
	return d.binary >= 0 && c.Events == 0 && c.Rejected == d.longs
}

// complaint is why the import of a document that was read to its end fails all
// the same.
func (d *document) complaint() error {
	if d.noLog() {
		return fmt.Errorf("read %s: it is no log: byte %d is binary data and no line is recognised", d.name, d.binary)
	}
	if d.longs == 1 {
		return fmt.Errorf("read %s: %s: it was rejected", d.name, d.tooLong)
	}
	if d.longs > 1 {
		return fmt.Errorf("read %s: %s, and %d more lines: they were rejected", d.name, d.tooLong, d.longs-1)
	}
	return nil
}

// Event publishes an event. It counts one that an earlier import has published,
// and leaves it out if that import was only broken off.
func (d *document) Event(ev *scan.Event) error {
	if ev.Knock() {
		d.im.sources.Add(ev.SrcIP)
	}
	if d.upto <= d.known {
		d.im.sum.Duplicates++
	}
	if sum := &d.im.sum; sum.First.IsZero() {
		sum.First, sum.Last = ev.Time, ev.Time
	} else if ev.Time.Before(sum.First) {
		sum.First = ev.Time
	} else if ev.Time.After(sum.Last) {
		sum.Last = ev.Time
	}
	if d.upto <= d.skip {
		return nil
	}
	if ev.TimeBasis == scan.TimeReceived {
		if len(d.held) == 0 {
			d.heldAt = d.entry
		}
		d.held = append(d.held, *ev)
		return nil
	}
	d.im.buf = ev.AppendJSON(d.im.buf[:0])
	return d.im.add(d, d.im.observed)
}

// Rejected publishes a line that became no event.
func (d *document) Rejected(r *scan.Rejected) error {
	if d.upto <= d.skip {
		return nil
	}
	d.im.buf = r.AppendJSON(d.im.buf[:0])
	return d.im.add(d, d.im.rejected)
}

// count adds to the summary and the metrics what the stream has counted since.
func (d *document) count(bytes int) {
	now := d.stream.Counts()
	sum := &d.im.sum
	sum.Lines += now.Lines - d.before.Lines
	sum.Events += now.Events - d.before.Events
	sum.Packets += now.Packets - d.before.Packets
	sum.Unrecognised += now.Unrecognised - d.before.Unrecognised
	sum.Rejected += now.Rejected - d.before.Rejected
	sum.Gaps += now.Gaps - d.before.Gaps
	sum.Missed += now.Missed - d.before.Missed
	d.im.s.metrics.count(d.before, now, bytes)
	d.before = now
	d.im.report(false)
}
