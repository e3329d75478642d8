package clock

import (
	"slices"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

// yearless returns the stamps of times without their years.
func yearless(times []time.Time) []Stamp {
	out := make([]Stamp, len(times))
	for i, t := range times {
		out[i] = Stamp{Month: uint8(t.Month()), Day: uint8(t.Day()), Hour: uint8(t.Hour()), Minute: uint8(t.Minute()), Second: uint8(t.Second())}
	}
	return out
}

// Five years without a year in any line get theirs back, in both orders, with
// lines that come late and gaps of months.
func TestSurvey(t *testing.T) {
	f := func(name string, step time.Duration, jitter bool) {
		t.Helper()
		var times []time.Time
		for at, i := time.Date(2008, 3, 1, 0, 0, 7, 0, time.UTC), 0; at.Year() < 2013; at, i = at.Add(step), i+1 {
			late := at
			if jitter && i%5 == 4 {
				late = at.Add(-36 * time.Hour)
			}
			times = append(times, late)
		}
		reference := times[len(times)-1].Add(time.Hour)
		for _, descending := range []bool{false, true} {
			if descending {
				slices.Reverse(times)
			}
			stamps := yearless(times)
			var v Survey
			for i := range stamps {
				v.Add(&stamps[i])
			}
			order, first := v.Result(New(Config{Reference: reference}))
			if want := map[bool]Order{false: Ascending, true: Descending}[descending]; order != want || first != times[0].Year() {
				t.Errorf("%s: Result() = %s from %d, want %s from %d", name, order, first, want, times[0].Year())
			}
			c := New(Config{Reference: reference, Order: order, FirstYear: first})
			var none Stamp
			for i := range stamps {
				got, basis, how := c.Repair(&stamps[i], &none, reference)
				if !got.Equal(times[i]) || basis != scan.TimeYearInferred || how != YearInferred|ZoneAssumed {
					t.Fatalf("%s: line %d of %v is of %v, %s", name, i, times[i], got, basis)
				}
			}
		}
	}
	f("every hour", time.Hour, false)
	f("every hour, some late", time.Hour, true)
	f("every three days", 72*time.Hour+7*time.Minute, false)
	f("every four weeks", 28*24*time.Hour, false)
}

// A file of December that grows into January is of the next year then.
func TestYearsGrown(t *testing.T) {
	c := New(Config{Reference: moment(t, "2011-12-20T00:00:00Z"), Order: Ascending, FirstYear: 2011})
	var none Stamp
	f := func(in, want string) {
		t.Helper()
		s := stamp(t, in)
		if got, _ := c.Time(&s, &none, time.Time{}); got.Format(time.DateTime) != want {
			t.Errorf("Time(%s) = %v, want %s", in, got, want)
		}
	}
	f("Dec 19 10:00:00", "2011-12-19 10:00:00")
	f("Dec 31 23:59:59", "2011-12-31 23:59:59")
	f("Jan  1 00:00:01", "2012-01-01 00:00:01")
	f("Dec 31 23:59:58", "2011-12-31 23:59:58") // late
	f("Jan  1 00:00:02", "2012-01-01 00:00:02")
	f("Feb 29 00:00:00", "2012-02-29 00:00:00")
	f("Jan  2 00:00:02", "2013-01-02 00:00:02")
}

// Where a relay tells a year and the device does not, the two belong together.
func TestRepairRelay(t *testing.T) {
	c := New(Config{Reference: moment(t, "2020-06-01T00:00:00Z")})
	f := func(own, outer, want string, basis scan.TimeBasis, how Repair) {
		t.Helper()
		a, b := stamp(t, own), stamp(t, outer)
		got, gotBasis, gotHow := c.Repair(&a, &b, time.Time{})
		if got.Format(time.RFC3339) != want || gotBasis != basis || gotHow != how {
			t.Errorf("Repair(%s, %s) = %v %s %b, want %s %s %b", own, outer, got, gotBasis, gotHow, want, basis, how)
		}
	}
	f("Dec 31 23:59:50", "2013-01-01T00:00:01Z", "2012-12-31T23:59:50Z", scan.TimeYearInferred, YearInferred|ZoneAssumed)
	f("Jan  1 00:00:09", "2012-12-31T23:59:59Z", "2013-01-01T00:00:09Z", scan.TimeYearInferred, YearInferred|ZoneAssumed)
	f("Feb 29 10:00:00", "2012-02-29T10:00:01Z", "2012-02-29T10:00:00Z", scan.TimeYearInferred, YearInferred|ZoneAssumed)
	f("Wed, 2003-01-01 06:35:37", "2012-02-29T10:00:01Z", "2012-02-29T10:00:01Z", scan.TimeReceived, Relayed)
}

func TestRepairHours(t *testing.T) {
	loc, _, err := Zone("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	c := New(Config{Zone: loc, Reference: moment(t, "2013-01-01T00:00:00Z")})
	var none Stamp
	f := func(in string, how Repair) {
		t.Helper()
		s := none
		if in != "" {
			s = stamp(t, in)
		}
		if _, _, got := c.Repair(&s, &none, time.Time{}); got != how {
			t.Errorf("Repair(%s) = %b, want %b", in, got, how)
		}
	}
	f("Sun, 2012-10-28 01:30:00", ZoneAssumed|HourTwice)
	f("Sun, 2012-10-28 00:30:00", ZoneAssumed)
	f("Sun, 2012-10-28 02:30:00", ZoneAssumed)
	f("Sun, 2012-03-25 01:30:00", ZoneAssumed|HourNever)
	f("Sun, 2012-03-25 02:30:00", ZoneAssumed)
	f("Wed, 2003-01-01 06:35:37", Unset)
	f("", Timeless)
	f("2012-10-28T01:30:00Z", 0)
}
