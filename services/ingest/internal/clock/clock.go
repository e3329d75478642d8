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
}

// Clock repairs times. It remembers the last minute it resolved, so it serves
// one goroutine.
type Clock struct {
	cfg    Config
	key    int64 // the minute resolved last, in local time
	minute int64 // that minute in seconds since 1970
}

// New returns a clock that repairs times as cfg says.
func New(cfg Config) *Clock {
	if cfg.Zone == nil {
		cfg.Zone = time.UTC
	}
	return &Clock{cfg: cfg, key: -1}
}

// Time returns the UTC time, cut to milliseconds, of a line that carries stamp
// own of the device and, in an envelope, stamp outer of whoever relayed it, and
// that was read at received. The reference, or without one the time of receipt,
// stands in for a clock that was never set.
func (c *Clock) Time(own, outer *Stamp, received time.Time) (time.Time, scan.TimeBasis) {
	ref := c.cfg.Reference
	if ref.IsZero() {
		ref = received
	}
	if t, basis, ok := c.resolve(own, ref); ok {
		return t, basis
	}
	if t, _, ok := c.resolve(outer, ref); ok {
		return t, scan.TimeReceived // a relay's clock tells when it was received, more or less
	}
	return time.UnixMilli(ref.UnixMilli()).UTC(), scan.TimeReceived
}

func (c *Clock) resolve(s *Stamp, ref time.Time) (time.Time, scan.TimeBasis, bool) {
	if s.IsZero() || s.Unset {
		return time.Time{}, "", false
	}
	year, basis := int(s.Year), scan.TimeGiven
	if !s.Zone {
		basis = scan.TimeZoneAssumed
	}
	if year == 0 {
		basis = scan.TimeYearInferred
		if year = c.year(s, ref); year == 0 {
			return time.Time{}, "", false
		}
	} else if neverSet(s, ref) {
		return time.Time{}, "", false
	}
	ms := int64(s.Nano) / int64(time.Millisecond)
	if s.Zone {
		sec := wall(year, s) + int64(s.Second) - int64(s.Offset)
		return time.UnixMilli(sec*1000 + ms).UTC(), basis, true
	}
	key := (((int64(year)*16+int64(s.Month))*32+int64(s.Day))*32+int64(s.Hour))*64 + int64(s.Minute)
	if key != c.key {
		c.key, c.minute = key, local(wall(year, s), c.cfg.Zone)
	}
	return time.UnixMilli((c.minute+int64(s.Second))*1000 + ms).UTC(), basis, true
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
func local(wall int64, zone *time.Location) int64 {
	const day = 24 * 60 * 60
	_, before := time.Unix(wall-day, 0).In(zone).Zone()
	_, after := time.Unix(wall+day, 0).In(zone).Zone()
	if first := wall - int64(before); before == after || offset(first, zone) == before {
		return first
	}
	if second := wall - int64(after); offset(second, zone) == after {
		return second
	}
	return wall - int64(before)
}

func offset(unix int64, zone *time.Location) int {
	_, o := time.Unix(unix, 0).In(zone).Zone()
	return o
}
