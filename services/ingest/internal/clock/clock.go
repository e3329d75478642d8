package clock

import (
	"time"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

// slack is how far after the reference a time without a year may lie: the
// device's clock may be wrong and its zone is only assumed.
const slack = 48 * time.Hour

// The years that a clock which was set can show. An event is of 1970 to 2105, as
// ClickHouse counts its seconds: a year less, so that no zone carries a time
// past that.
const (
	FirstYear = 1980
	LastYear  = 2104
)

// Config says how to repair times.
type Config struct {
	Zone      *time.Location // of devices that give none; nil is UTC
	Year      int            // of every time that has none, FirstYear to LastYear; 0 takes it from the reference
	Reference time.Time      // the document's date, LastYear at most; zero takes the time of receipt
	// Order and FirstYear are what a Survey has found; without an order each
	// time's year is found by itself.
	Order     Order
	FirstYear int
}

// Repair says what was done to a time; several may be set.
type Repair uint8

// The repairs.
const (
	YearInferred Repair = 1 << iota // the line has no year
	ZoneAssumed                     // the line has no zone
	HourTwice                       // its hour happened twice: the first is taken
	HourNever                       // its hour never happened: read on the old clock
	Relayed                         // the device's clock was not set, a relay's time is taken
	Unset                           // the device's clock was not set, or shows no possible date
	Timeless                        // the line has no time
)

// Clock repairs times. It remembers the last minute it resolved and, with an
// order, the last date, so it serves one goroutine and wants the times in the
// order of the document.
type Clock struct {
	cfg    Config
	key    int64 // the minute resolved last, in local time
	minute int64 // that minute in seconds since 1970
	hour   Repair
	years  Years
}

// New returns a clock that repairs times as cfg says.
func New(cfg Config) *Clock {
	if cfg.Zone == nil {
		cfg.Zone = time.UTC
	}
	return &Clock{cfg: cfg, key: -1, years: Years{Order: cfg.Order}}
}

// Time returns the UTC time, cut to milliseconds, of a line that carries stamp
// own of the device and, in an envelope, stamp outer of whoever relayed it, and
// that was read at received. The reference, or without one the time of receipt,
// stands in for a clock that was never set.
func (c *Clock) Time(own, outer *Stamp, received time.Time) (time.Time, scan.TimeBasis) {
	t, basis, _ := c.Repair(own, outer, received)
	return t, basis
}

// Repair is Time, and tells what was repaired.
func (c *Clock) Repair(own, outer *Stamp, received time.Time) (time.Time, scan.TimeBasis, Repair) {
	ref := c.cfg.Reference
	if ref.IsZero() {
		ref = received
	}
	if !outer.IsZero() && own.Year == 0 && !own.IsZero() && !own.Unset && c.cfg.Year == 0 {
		// Two clocks, and the device's has no year: that nearest to the relay's.
		if relay, _, _, ok := c.resolve(outer, ref); ok {
			dated := *own
			dated.Year = int16(nearest(own, relay))
			if t, _, how, ok := c.resolve(&dated, ref); ok {
				return t, scan.TimeYearInferred, how | YearInferred
			}
		}
	}
	if t, basis, how, ok := c.resolve(own, ref); ok {
		return t, basis, how
	}
	how := Unset
	if own.IsZero() {
		how = Timeless
	}
	if t, _, _, ok := c.resolve(outer, ref); ok {
		return t, scan.TimeReceived, Relayed // a relay's clock tells when it was received, more or less
	}
	return time.UnixMilli(ref.UnixMilli()).UTC(), scan.TimeReceived, how
}

// nearest returns the year that puts s nearest to t.
func nearest(s *Stamp, t time.Time) int {
	best, least := t.Year(), int64(-1)
	for y := t.Year() - 1; y <= t.Year()+1; y++ {
		if int(s.Day) > daysIn(y, s.Month) {
			continue
		}
		d := wall(y, s) - t.Unix()
		if d < 0 {
			d = -d
		}
		if least < 0 || d < least {
			best, least = y, d
		}
	}
	return best
}

func (c *Clock) resolve(s *Stamp, ref time.Time) (time.Time, scan.TimeBasis, Repair, bool) {
	if s.IsZero() || s.Unset {
		return time.Time{}, "", 0, false
	}
	year, basis, how := int(s.Year), scan.TimeGiven, Repair(0)
	if !s.Zone {
		basis, how = scan.TimeZoneAssumed, ZoneAssumed
	}
	if year == 0 {
		basis, how = scan.TimeYearInferred, how|YearInferred
		if year = c.infer(s, ref); year == 0 {
			return time.Time{}, "", 0, false
		}
	} else if neverSet(s, ref) {
		return time.Time{}, "", 0, false
	}
	ms := int64(s.Nano) / int64(time.Millisecond)
	if s.Zone {
		sec := wall(year, s) + int64(s.Second) - int64(s.Offset)
		return time.UnixMilli(sec*1000 + ms).UTC(), basis, how, true
	}
	key := (((int64(year)*16+int64(s.Month))*32+int64(s.Day))*32+int64(s.Hour))*64 + int64(s.Minute)
	if key != c.key {
		c.key = key
		c.minute, c.hour = local(wall(year, s), c.cfg.Zone)
	}
	return time.UnixMilli((c.minute+int64(s.Second))*1000 + ms).UTC(), basis, how | c.hour, true
}

// infer returns the year of a stamp without one, 0 if there is none that has its
// date.
func (c *Clock) infer(s *Stamp, ref time.Time) int {
	if c.cfg.Order == OrderUnknown || c.cfg.Year != 0 {
		return c.year(s, ref)
	}
	y := c.years.Next(s, c.cfg.FirstYear)
	if int(s.Day) > daysIn(y, s.Month) || y < FirstYear || y > LastYear {
		return 0
	}
	return y
}

// year returns the year of a stamp without one: the configured one, or the
// latest that puts it before the reference, so that December's lines in a file
// of January fall into the year before. It is 0 if there is no such date.
func (c *Clock) year(s *Stamp, ref time.Time) int {
	if y := c.cfg.Year; y != 0 {
		if int(s.Day) > daysIn(y, s.Month) {
			return 0
		}
		return y
	}
	latest := ref.Add(slack).In(c.cfg.Zone)
	y, m, d := latest.Date()
	after := s.Month > uint8(m) || s.Month == uint8(m) && int(s.Day) > d
	if after {
		y--
	}
	for range 8 { // leap days are at most eight years apart
		if int(s.Day) <= daysIn(y, s.Month) {
			return y
		}
		y--
	}
	return 0
}

// neverSet reports whether the stamp is of a clock that still counts from where
// the firmware starts it: 1970, the first of January 2000 or that of 2003. A
// January of those years is believed if the reference is of the same time. A year
// that no clock shows by now is none either.
func neverSet(s *Stamp, ref time.Time) bool {
	switch {
	case s.Year < FirstYear || s.Year > LastYear:
		return true
	case (s.Year == 2000 || s.Year == 2003) && s.Month == 1:
		return ref.Year() > int(s.Year)
	}
	return false
}

// wall returns the minute of s in seconds since 1970 as if it were UTC.
func wall(year int, s *Stamp) int64 {
	return time.Date(year, time.Month(s.Month), int(s.Day), int(s.Hour), int(s.Minute), 0, 0, time.UTC).Unix()
}

// local returns what a wall clock in zone means in seconds since 1970. An hour
// that happens twice is the first one; one that never happens is read with the
// offset from before the change, that is an hour later on the new clock.
// (time.Date promises neither.)
func local(wall int64, zone *time.Location) (int64, Repair) {
	const day = 24 * 60 * 60
	_, before := time.Unix(wall-day, 0).In(zone).Zone()
	_, after := time.Unix(wall+day, 0).In(zone).Zone()
	first, second := wall-int64(before), wall-int64(after)
	switch {
	case before == after:
		return first, 0
	case offset(first, zone) == before:
		if first != second && offset(second, zone) == after {
			return first, HourTwice
		}
		return first, 0
	case offset(second, zone) == after:
		return second, 0
	}
	return first, HourNever
}

func offset(unix int64, zone *time.Location) int {
	_, o := time.Unix(unix, 0).In(zone).Zone()
	return o
}
