package ingest

import (
	"strings"
	"time"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format"
	"github.com/whoknocks/whoknocks/services/ingest/internal/stream"
)

// ExplainOptions say how to read a line; empty ones are those of DefaultConfig.
type ExplainOptions struct {
	Sensor   string
	Format   string
	Formats  []string // files of Config.Formats
	Timezone string
	Year     int       // of times that have none; 0 infers it
	At       time.Time // date of the file, or of receipt; zero is now
}

// The outcomes of a line.
const (
	OutcomeEvent        = "event"
	OutcomeUnrecognised = "unrecognised"
	OutcomeRejected     = "rejected"
)

// Explanation is how one line is read.
type Explanation struct {
	Outcome string // one of those above
	Reason  string // why it is no event
	Format  string // that claims it; empty for none

	// What the envelope told.
	Host    string
	Level   string // facility.level
	Tag     string // program
	Written string // the device's own time, as written; empty for none
	Relayed string // the time of whoever relayed it, if there are two
	Payload string

	TimeRepair string     // what was made of the time, in a sentence
	Event      scan.Event // if Outcome is event
}

// Explain reads one line by itself, as Import would, and publishes nothing. The
// second half of an entry over two lines and a sum of repeats are unrecognised
// here, as what they belong to is not known. The error is about the options.
func Explain(line string, opts ExplainOptions) (Explanation, error) {
	def := DefaultConfig()
	if opts.Sensor == "" {
		opts.Sensor = def.Sensor
	}
	if opts.At.IsZero() {
		opts.At = time.Now()
	}
	zone, zoneName, err := clock.Zone(opts.Timezone)
	if err != nil {
		return Explanation{}, err
	}
	if err := scan.ValidSensor(opts.Sensor); err != nil {
		return Explanation{}, err
	}
	custom, err := format.Custom(opts.Formats...)
	if err != nil {
		return Explanation{}, err
	}
	x := &Explanation{}
	s, err := stream.New(stream.Config{
		Sensor: opts.Sensor, Format: opts.Format, Custom: custom, Zone: zone, Year: opts.Year, Reference: opts.At, Name: "line", Samples: 1,
	}, explainer{x})
	if err != nil {
		return Explanation{}, err
	}
	if err := s.Line(line, 1, opts.At.UTC()); err != nil {
		return Explanation{}, err
	}
	if x.Outcome == "" { // a blank line, of which there are no samples
		x.Outcome, x.Reason = OutcomeUnrecognised, "the line is blank"
	}
	var l envelope.Line
	envelope.Unwrap(stream.Text(line), &l)
	x.Host, x.Level, x.Tag, x.Payload = l.Host, l.Level, l.Tag, l.Payload
	own, relayed := s.Stamps()
	x.Written, x.Relayed = own.String(), relayed.String()
	x.TimeRepair = timeRepair(x, s.Repair(), zoneName, opts.Year)
	return *x, nil
}

// timeRepair tells what was done to the time.
func timeRepair(x *Explanation, how clock.Repair, zone string, year int) string {
	if x.Outcome != OutcomeEvent {
		return ""
	}
	switch {
	case how&clock.Timeless != 0:
		return "the line has no time: the file's date, or that of receipt"
	case how&clock.Relayed != 0:
		return "the device's clock was not set: the time of whoever relayed the line"
	case how&clock.Unset != 0:
		return "the device's clock was not set, or the date is impossible: the file's date, or that of receipt"
	}
	var parts []string
	if how&clock.YearInferred != 0 {
		switch {
		case year != 0:
			parts = append(parts, "the line has no year: taken as asked")
		case x.Relayed != "":
			parts = append(parts, "the line has no year: that nearest to the relay's time")
		default:
			parts = append(parts, "the line has no year: the latest that is not after the file's date")
		}
	}
	if how&clock.ZoneAssumed != 0 {
		what := "the line names no zone: taken as "
		if len(parts) > 0 {
			what = "nor a zone: taken as "
		}
		parts = append(parts, what+zone)
	}
	if how&clock.HourTwice != 0 {
		parts = append(parts, "that hour happened twice, as clocks were put back: the first is taken")
	}
	if how&clock.HourNever != 0 {
		parts = append(parts, "that hour never happened, as clocks were put forward: read as an hour later")
	}
	if len(parts) == 0 {
		return "date, year and zone stand in the line"
	}
	return strings.Join(parts, "; ")
}

// explainer keeps the one outcome.
type explainer struct{ x *Explanation }

func (e explainer) Event(ev *scan.Event) error {
	e.x.Outcome, e.x.Format, e.x.Event = OutcomeEvent, ev.Format, *ev
	return nil
}

func (e explainer) Rejected(r *scan.Rejected) error {
	e.x.Outcome, e.x.Reason, e.x.Format = OutcomeRejected, r.Reason, r.Format
	if r.Kind != scan.KindRejected {
		e.x.Outcome = OutcomeUnrecognised
	}
	return nil
}
