// Package stream turns the lines of one document, or of one listener, into
// events: it unwraps each line, finds its format, repairs its time, gives it its
// identity, and counts.
//
// Every line becomes exactly one of: an event, an unrecognised line, a rejected
// line. A blank line is an unrecognised one, so that the count of lines is that
// of wc -l (one more if the last has no line ending). Where the events go is left
// to the Sink.
package stream

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format"
	"github.com/whoknocks/whoknocks/services/ingest/internal/identity"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Sink takes what comes of the lines, in their order. The values are valid until
// the call returns, their strings for as long as they are kept. An error stops
// the stream.
type Sink interface {
	Event(ev *scan.Event) error
	// Rejected takes every rejected line, every gap, and samples of the lines that
	// are not recognised.
	Rejected(r *scan.Rejected) error
}

// Config is what is fixed for a stream.
type Config struct {
	Sensor    string
	Format    string          // name, or format.Auto
	Custom    []format.Format // those that the user has described
	Zone      *time.Location  // of devices that give none
	Year      int             // of times that have none; 0 infers it
	Reference time.Time       // see clock.Config
	Order     clock.Order     // see clock.Config
	FirstYear int             // see clock.Config
	Name      string          // of the document, for Event.Origin
	Samples   int             // how many unrecognised lines to hand to the sink
	Join      bool            // entries may be wrapped over two lines
	Daily     bool            // count by day as well
}

// Counts are sums over lines. Lines is always Events + Unrecognised + Rejected.
type Counts struct {
	Lines, Events, Packets, Unrecognised, Rejected int64
	Gaps                                           int64 // lines among the unrecognised that tell of packets never logged
	Missed                                         int64 // those packets, as far as the lines tell how many
}

// Add adds c to the counts.
func (t *Counts) Add(c Counts) {
	t.Lines += c.Lines
	t.Events += c.Events
	t.Packets += c.Packets
	t.Unrecognised += c.Unrecognised
	t.Rejected += c.Rejected
	t.Gaps += c.Gaps
	t.Missed += c.Missed
}

// Stream is the state between the lines. It serves one goroutine.
type Stream struct {
	cfg      Config
	sink     Sink
	detector *format.Detector
	clock    *clock.Clock
	ids      *identity.Maker
	counts   Counts
	repairs  Repairs
	formats  map[string]*Counts // by the format that claims the lines
	format   string             // of the line before
	ofFormat *Counts            // and its counts
	days     map[int64]*Counts
	samples  int

	line    envelope.Line
	ev      [2]scan.Event // the event being made, and the one before it
	turn    int           // which of ev is next
	repair  clock.Repair  // of the last event's time
	last    *scan.Event   // the event of the line before, if it became one
	host    string        // the host of that line
	origins origins

	header *envelope.Header // of the document, or of the peer

	pending   string // first half of a wrapped entry
	pendingAt int64
}

// New returns a stream into sink. The only error is an unknown format.
func New(cfg Config, sink Sink) (*Stream, error) {
	d, err := format.New(cfg.Format, cfg.Custom...)
	if err != nil {
		return nil, err
	}
	s := &Stream{
		cfg: cfg, sink: sink, detector: d, samples: cfg.Samples,
		clock: clock.New(clock.Config{
			Zone: cfg.Zone, Year: cfg.Year, Reference: cfg.Reference, Order: cfg.Order, FirstYear: cfg.FirstYear,
		}),
		ids:     identity.NewMaker(cfg.Sensor),
		origins: origins{name: cfg.Name},
	}
	s.formats = make(map[string]*Counts)
	if cfg.Daily {
		s.days = make(map[int64]*Counts)
	}
	return s, nil
}

// Counts returns the sums so far. A first half of a wrapped entry is counted
// when its second half is read, or by Flush.
func (s *Stream) Counts() Counts { return s.counts }

// Pending reports whether the last line waits for its second half.
func (s *Stream) Pending() bool { return s.pending != "" }

// Stamps returns the device's own time and that of a relay, as the last line had
// them.
func (s *Stream) Stamps() (own, relay clock.Stamp) { return s.line.Stamp, s.line.Outer }

// Samples sets how many more unrecognised lines go to the sink.
func (s *Stream) Samples(n int) { s.samples = n }

// Line reads one line, without its line ending, that is the at-th of the
// document and was read at received. It returns the sink's errors only.
func (s *Stream) Line(raw string, at int64, received time.Time) error {
	return s.read(Text(raw), at, received)
}

// From reads one line that came from a peer rather than a document.
func (s *Stream) From(peer, raw string, received time.Time) error {
	if s.origins.from != peer {
		s.origins.from, s.last, s.header = peer, nil, nil // a repeat is of the same peer's line
	}
	return s.read(Text(raw), 0, received)
}

func (s *Stream) read(raw string, at int64, received time.Time) error {
	if s.pending != "" {
		if done, err := s.join(raw, at, received); done || err != nil {
			return err
		}
	}
	envelope.Unwrap(raw, &s.line)
	err := s.parse(raw, at, received)
	if err != nil && s.cfg.Join && errors.Is(err, parse.ErrContinues) {
		s.pending, s.pendingAt = raw, at
		return nil
	}
	return s.settle(err, raw, at, received)
}

// outcome errors of parse that are not of the formats.
var errSink = errors.New("sink")

type sinkError struct{ error }

func (e sinkError) Unwrap() error        { return e.error }
func (e sinkError) Is(target error) bool { return target == errSink }

// parse makes an event of s.line and hands it on; the error is as in
// parse.Func, or a sinkError.
func (s *Stream) parse(raw string, at int64, received time.Time) error {
	l := &s.line
	if l.Payload == "" && l.Repeats == 0 {
		return parse.ErrNotMine
	}
	ev := &s.ev[s.turn]
	if l.Repeated() {
		if s.last == nil || l.Host != s.host {
			return parse.ErrNotMine
		}
		*ev = *s.last
		ev.Packets = l.Repeats
	} else {
		l.Header = s.header
		name, err := s.detector.Parse(l, ev)
		s.header = l.Header
		if err != nil {
			ev.Format = name
			return err
		}
		ev.Format = name
		if l.Repeats > 0 {
			ev.Packets = l.Repeats
		}
	}
	ev.Sensor = s.cfg.Sensor
	ev.ID = s.ids.Next(&l.Stamp, l.Message)
	var how clock.Repair
	ev.Time, ev.TimeBasis, how = s.clock.Repair(&l.Stamp, &l.Outer, received)
	s.repair = how
	ev.Received = received
	ev.Line = cut(raw)
	ev.Origin = s.origins.at(at)
	if err := s.sink.Event(ev); err != nil {
		return sinkError{err}
	}
	s.last, s.host = ev, l.Host
	s.turn = 1 - s.turn
	return nil
}

// settle counts the line and hands on what became no event.
func (s *Stream) settle(err error, raw string, at int64, received time.Time) error {
	c := Counts{Lines: 1}
	switch {
	case err == nil:
		c.Events, c.Packets = 1, int64(s.last.Packets)
		s.count(c, s.last.Time)
		s.countFormat(s.last.Format, c)
		s.repairs.count(s.repair)
		return nil
	case errors.Is(err, errSink):
		return errors.Unwrap(err)
	}
	s.last = nil
	t, _ := s.clock.Time(&s.line.Stamp, &s.line.Outer, received)
	var gap *parse.Gap
	switch {
	case errors.Is(err, parse.ErrHeader):
		c.Unrecognised = 1
		s.count(c, t)
		return nil
	case errors.Is(err, parse.ErrNotMine):
		c.Unrecognised = 1
		s.count(c, t)
		return s.unrecognised(err.Error(), raw, at, received)
	case errors.As(err, &gap):
		c.Unrecognised, c.Gaps, c.Missed = 1, 1, int64(gap.Packets)
		s.count(c, t)
		r := s.rejected(scan.KindGap, gap.Reason, raw, at, received)
		r.ID, r.Packets = s.ids.Next(&s.line.Stamp, s.line.Message), gap.Packets
		return s.sink.Rejected(&r)
	}
	c.Rejected = 1
	s.count(c, t)
	s.countFormat(s.ev[s.turn].Format, c)
	r := s.rejected(scan.KindRejected, err.Error(), raw, at, received)
	r.ID = s.ids.Next(&s.line.Stamp, s.line.Message)
	return s.sink.Rejected(&r)
}

// rejected makes the record of a line that became no event, without its ID.
func (s *Stream) rejected(kind scan.RejectKind, reason, raw string, at int64, received time.Time) scan.Rejected {
	return scan.Rejected{
		Kind: kind, Stage: "ingest", Reason: reason, Received: received,
		Sensor: s.cfg.Sensor, Format: s.ev[s.turn].Format, Line: cut(raw), Origin: s.origins.at(at),
	}
}

// Gap hands on that lines never arrived, which no line tells.
func (s *Stream) Gap(reason, origin string, received time.Time) error {
	return s.sink.Rejected(&scan.Rejected{
		ID:   s.ids.Next(&clock.Stamp{}, received.Format(time.RFC3339Nano)+" "+reason),
		Kind: scan.KindGap, Stage: "ingest", Reason: reason, Received: received, Sensor: s.cfg.Sensor, Origin: origin,
	})
}

// unrecognised hands on a line as a sample while there is need of any.
func (s *Stream) unrecognised(reason, raw string, at int64, received time.Time) error {
	if s.samples <= 0 || s.line.Message == "" {
		return nil
	}
	s.samples--
	r := s.rejected(scan.KindUnrecognised, reason, raw, at, received)
	r.Format, r.ID = "", s.ids.Next(&s.line.Stamp, s.line.Message)
	return s.sink.Rejected(&r)
}

// join reads a first half together with the line after it. If they make an event
// the first half is that event's line and the second one counts as unrecognised;
// if not, the first half is rejected and done is false.
func (s *Stream) join(raw string, at int64, received time.Time) (done bool, err error) {
	first, firstAt := s.pending, s.pendingAt
	s.pending = ""
	whole := first + " " + raw
	envelope.Unwrap(whole, &s.line)
	err = s.parse(whole, firstAt, received)
	if err == nil {
		if err := s.settle(nil, whole, firstAt, received); err != nil {
			return true, err
		}
		s.count(Counts{Lines: 1, Unrecognised: 1}, s.last.Time)
		envelope.Unwrap(raw, &s.line)
		return true, s.unrecognised("second half of the entry that begins on the line before", raw, at, received)
	}
	if errors.Is(err, errSink) {
		return true, errors.Unwrap(err)
	}
	return false, s.abandon(first, firstAt, received)
}

// abandon rejects a first half whose second half never came.
func (s *Stream) abandon(first string, at int64, received time.Time) error {
	envelope.Unwrap(first, &s.line)
	err := s.parse(first, at, received)
	return s.settle(err, first, at, received)
}

// Flush ends the document: no second half comes any more.
func (s *Stream) Flush(received time.Time) error {
	if s.pending == "" {
		return nil
	}
	first := s.pending
	s.pending = ""
	return s.abandon(first, s.pendingAt, received)
}

// LongFrom is Long for a line that came from a peer.
func (s *Stream) LongFrom(peer, head string, size int64, received time.Time) error {
	s.origins.from = peer
	return s.Long(head, size, 0, received)
}

// Long takes a line of size bytes that is longer than any may be, of which only
// the beginning was kept. It is rejected whatever it says.
func (s *Stream) Long(head string, size, at int64, received time.Time) error {
	if err := s.Flush(received); err != nil {
		return err
	}
	head = Text(head)
	s.line = envelope.Line{Message: head}
	s.ev[s.turn].Format = ""
	return s.settle(parse.Reject("line of %d bytes is too long", size), head, at, received)
}

func (s *Stream) count(c Counts, t time.Time) {
	s.counts.Add(c)
	if s.days == nil {
		return
	}
	const day = 24 * 60 * 60
	sec := t.Unix()
	d := sec / day
	if sec%day < 0 {
		d--
	}
	n := s.days[d]
	if n == nil {
		n = new(Counts)
		s.days[d] = n
	}
	n.Add(c)
}

func (s *Stream) countFormat(name string, c Counts) {
	if name != s.format || s.ofFormat == nil {
		s.format, s.ofFormat = name, s.formats[name]
		if s.ofFormat == nil {
			s.ofFormat = new(Counts)
			s.formats[name] = s.ofFormat
		}
	}
	s.ofFormat.Add(c)
}

// Formats calls yield with what each format has claimed, in no order. Lines that
// were too long have no format.
func (s *Stream) Formats(yield func(name string, c Counts)) {
	for name, c := range s.formats {
		yield(name, *c)
	}
}

// Repairs returns how often the times of events were repaired.
func (s *Stream) Repairs() Repairs { return s.repairs }

// Repair returns what was done to the time of the last event.
func (s *Stream) Repair() clock.Repair { return s.repair }

// Days calls yield with the counts of every day, UTC, in no order. A line
// without a usable time counts on the day of the reference.
func (s *Stream) Days(yield func(day string, c Counts)) {
	for d, c := range s.days {
		yield(time.Unix(d*24*60*60, 0).UTC().Format(time.DateOnly), *c)
	}
}

// Text returns raw, without the return of a CRLF line ending, as valid UTF-8: what is not is read as Latin-1, which is what
// routers that know no UTF-8 mostly write.
func Text(raw string) string {
	if n := len(raw); n > 0 && raw[n-1] == '\r' {
		raw = raw[:n-1]
	}
	if utf8.ValidString(raw) {
		return raw
	}
	b := make([]rune, len(raw))
	for i := range len(raw) {
		b[i] = rune(raw[i])
	}
	return string(b)
}

// cut bounds a line that travels with its event.
func cut(s string) string {
	if len(s) <= scan.MaxLine {
		return s
	}
	n := scan.MaxLine
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// String tells the counts in a sentence.
func (t Counts) String() string {
	return fmt.Sprintf("%d lines = %d events + %d unrecognised + %d rejected", t.Lines, t.Events, t.Unrecognised, t.Rejected)
}
