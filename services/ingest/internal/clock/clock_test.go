package clock

import (
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

func TestTime(t *testing.T) {
	f := func(in, zone, reference string, year int, want string, basis scan.TimeBasis) {
		t.Helper()
		loc, _, err := Zone(zone)
		if err != nil {
			t.Fatal(err)
		}
		c := New(Config{Zone: loc, Year: year, Reference: moment(t, reference)})
		var none Stamp
		s := stamp(t, in)
		for range 2 { // the second time from what it remembers
			got, gotBasis := c.Time(&s, &none, time.Now())
			if text := got.Format("2006-01-02T15:04:05.999Z07:00"); text != want || gotBasis != basis {
				t.Errorf("Time(%s in %s, reference %s) = %s %s, want %s %s", in, zone, reference, text, gotBasis, want, basis)
			}
		}
	}
	const spring = "2012-04-13T00:00:00Z"
	f("2012-04-10T18:22:01.1234567+02:00", "Asia/Tokyo", spring, 0, "2012-04-10T16:22:01.123Z", scan.TimeGiven)
	f("Tue, 2012-04-10 18:22:01", "UTC", spring, 0, "2012-04-10T18:22:01Z", scan.TimeZoneAssumed)
	f("Tue, 2012-04-10 18:22:01", "Europe/London", spring, 0, "2012-04-10T17:22:01Z", scan.TimeZoneAssumed)
	f("Tue, 2012-04-10 18:22:01", "+05:30", spring, 0, "2012-04-10T12:52:01Z", scan.TimeZoneAssumed)

	f("1334074921", "Asia/Tokyo", spring, 0, "2012-04-10T16:22:01Z", scan.TimeGiven)
	f("1334074921123", "Asia/Tokyo", spring, 0, "2012-04-10T16:22:01.123Z", scan.TimeGiven)

	f("2012 Apr 10 18:22:01.5", "UTC", spring, 0, "2012-04-10T18:22:01.5Z", scan.TimeZoneAssumed)
	f("2012 04 10 18:22:01 +02:00", "UTC", spring, 0, "2012-04-10T16:22:01Z", scan.TimeGiven)

	f(`10Apr2012" "18:22:01`, "UTC", spring, 0, "2012-04-10T18:22:01Z", scan.TimeZoneAssumed)
	f(`1Apr2012" "8:22:01`, "UTC", spring, 0, "2012-04-01T08:22:01Z", scan.TimeZoneAssumed)

	// the missing year
	f("Apr 10 18:22:01", "UTC", spring, 0, "2012-04-10T18:22:01Z", scan.TimeYearInferred)
	f("Dec 31 23:59:59", "UTC", "2012-01-01T00:05:00Z", 0, "2011-12-31T23:59:59Z", scan.TimeYearInferred)
	f("Jan  1 00:00:10", "UTC", "2011-12-31T23:59:50Z", 0, "2012-01-01T00:00:10Z", scan.TimeYearInferred) // a clock that is a little ahead
	f("Apr 20 00:00:10", "UTC", spring, 0, "2011-04-20T00:00:10Z", scan.TimeYearInferred)
	f("Feb 29 12:00:00", "UTC", "2015-03-01T00:00:00Z", 0, "2012-02-29T12:00:00Z", scan.TimeYearInferred)
	f("Feb 29 12:00:00", "UTC", "1904-03-01T00:00:00Z", 0, "1904-02-29T12:00:00Z", scan.TimeYearInferred)
	f("Apr 10 18:22:01", "UTC", spring, 2009, "2009-04-10T18:22:01Z", scan.TimeYearInferred)
	f("Feb 29 12:00:00", "UTC", spring, 2009, "2012-04-13T00:00:00Z", scan.TimeReceived)

	// an hour that happens twice is the first one, one that never happens the next
	f("Sun, 2012-10-28 01:30:00", "Europe/London", spring, 0, "2012-10-28T00:30:00Z", scan.TimeZoneAssumed)
	f("Sun, 2012-10-28 02:30:00", "Europe/London", spring, 0, "2012-10-28T02:30:00Z", scan.TimeZoneAssumed)
	f("Sun, 2012-03-25 01:30:00", "Europe/London", spring, 0, "2012-03-25T01:30:00Z", scan.TimeZoneAssumed)
	f("Sun, 2012-03-25 02:30:00", "Europe/London", spring, 0, "2012-03-25T01:30:00Z", scan.TimeZoneAssumed)
	f("Sun, 2012-03-25 00:59:59", "Europe/London", spring, 0, "2012-03-25T00:59:59Z", scan.TimeZoneAssumed)
	f("Sun, 2012-11-04 01:30:00", "America/New_York", spring, 0, "2012-11-04T05:30:00Z", scan.TimeZoneAssumed)
	f("Sun, 2012-03-11 02:30:00", "America/New_York", spring, 0, "2012-03-11T07:30:00Z", scan.TimeZoneAssumed)
	f("Sun, 2012-04-01 01:45:00", "Australia/Lord_Howe", spring, 0, "2012-03-31T14:45:00Z", scan.TimeZoneAssumed)

	// a leap second
	f("Sat, 2012-06-30 23:59:60", "UTC", spring, 0, "2012-07-01T00:00:00Z", scan.TimeZoneAssumed)

	// a clock that was never set
	f("Wed, 2003-01-01 06:35:37", "UTC", spring, 0, "2012-04-13T00:00:00Z", scan.TimeReceived)
	f("Sat, 2000-01-01 00:00:12", "UTC", spring, 0, "2012-04-13T00:00:00Z", scan.TimeReceived)
	f("Thu, 1970-01-01 00:00:12", "UTC", spring, 0, "2012-04-13T00:00:00Z", scan.TimeReceived)
	f("Thu, 2107-02-01 00:00:00", "UTC", spring, 0, "2012-04-13T00:00:00Z", scan.TimeReceived)
	f("Thu, 2105-12-31 23:59:59", "America/New_York", spring, 0, "2012-04-13T00:00:00Z", scan.TimeReceived)
	f("Wed, 2104-12-31 23:59:59", "America/New_York", spring, 0, "2105-01-01T04:59:59Z", scan.TimeZoneAssumed)
	f("Wed, 2003-01-08 06:35:37", "UTC", "2003-01-09T00:00:00Z", 0, "2003-01-08T06:35:37Z", scan.TimeZoneAssumed)
	f("Sat, 2003-02-01 06:35:37", "UTC", spring, 0, "2003-02-01T06:35:37Z", scan.TimeZoneAssumed)
}

func TestTimeOfRelay(t *testing.T) {
	c := New(Config{Reference: moment(t, "2012-04-13T00:00:00Z")})
	own, outer := stamp(t, "Wed, 2003-01-01 06:35:37"), stamp(t, "Apr 12 10:00:00")
	got, basis := c.Time(&own, &outer, time.Time{})
	if want := moment(t, "2012-04-12T10:00:00Z"); !got.Equal(want) || basis != scan.TimeReceived {
		t.Errorf("Time() = %v %v, want the relay's %v, received", got, basis, want)
	}
}

func TestTimeReceived(t *testing.T) {
	c := New(Config{})
	var none Stamp
	now := time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.UTC)
	if got, basis := c.Time(&none, &none, now); got.UnixMilli() != now.UnixMilli() || got.Nanosecond() != 678_000_000 || basis != scan.TimeReceived {
		t.Errorf("Time(none) = %v %v, want %v, received", got, basis, now)
	}
	s := stamp(t, "Dec 31 23:59:59")
	if got, _ := c.Time(&s, &none, now); got.Year() != 2025 {
		t.Errorf("Time(Dec 31) = %v, want the year before it was received", got)
	}
}

// local is compared with a slow oracle: the first moment, looking minute by
// minute, at which the zone's clock shows what is asked.
func TestLocal(t *testing.T) {
	for _, name := range []string{"Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo", "America/St_Johns"} {
		loc, _, err := Zone(name)
		if err != nil {
			t.Fatal(err)
		}
		for month := time.January; month <= time.December; month++ {
			for day := 1; day <= 28; day++ {
				for minute := 0; minute < 5*60; minute += 10 {
					wall := time.Date(2012, month, day, 0, minute, 0, 0, time.UTC)
					want, ok := oracle(wall, loc)
					if got, _ := local(wall.Unix(), loc); ok && got != want {
						t.Fatalf("local(%v in %s) = %v, want %v", wall, name, time.Unix(got, 0).UTC(), time.Unix(want, 0).UTC())
					}
				}
			}
		}
	}
}

func oracle(wall time.Time, loc *time.Location) (int64, bool) {
	best, found := int64(0), false
	for _, o := range [...]time.Duration{-12 * time.Hour, 12 * time.Hour} {
		_, offset := wall.Add(o).In(loc).Zone()
		at := wall.Add(-time.Duration(offset) * time.Second)
		l := at.In(loc)
		if l.Hour() == wall.Hour() && l.Minute() == wall.Minute() && (!found || at.Unix() < best) {
			best, found = at.Unix(), true
		}
	}
	return best, found
}

func TestNetgearTail(t *testing.T) {
	f := func(in, want string, before string) {
		t.Helper()
		s, n, ok := NetgearTail(in)
		if got := s.String(); ok != (want != "") || got != want || in[:n] != before {
			t.Errorf("NetgearTail(%q) = %q after %q, %v; want %q after %q", in, got, in[:n], ok, want, before)
		}
	}
	f("from ip [192.0.2.1], Thursday, May 03,2018 05:46:58", "2018 May 03 05:46:58", "from ip [192.0.2.1]")
	f("x, port 443, Tuesday, February 16, 2016 17:39:12", "2016 Feb 16 17:39:12", "x, port 443")
	f("to 192.0.2.1:23 Wednesday, Jan 01,2003 06:34:23", "2003 Jan 01 06:34:23", "to 192.0.2.1:23")
	f("x,  Thursday, Jun 3,2010 15:17:42", "2010 Jun 03 15:17:42", "x")
	f("Thursday, Jun 03,2010 15:17:42", "2010 Jun 03 15:17:42", "")
	f("x, Thursday, Foo 03,2010 15:17:42", "", "")
	f("x, Thursday, Feb 30,2010 15:17:42", "", "")
	f("x, Thursday, Jun 03,2010 25:17:42", "", "")
	f("x, Jun 03,2010 15:17:42", "", "")
	f("03,2010 15:17:42", "", "")
	f("15:17:42", "", "")
	f("", "", "")
}

func TestZone(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if _, got, err := Zone(in); err != nil || got != want {
			t.Errorf("Zone(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	f("UTC", "UTC")
	f("utc", "UTC")
	f("Etc/UTC", "UTC")
	f("Europe/London", "Europe/London")
	f("-03:30", "-03:30")
	t.Setenv("TZ", "Asia/Tokyo")
	f("local", "Asia/Tokyo")
	f("", "Asia/Tokyo")
	t.Setenv("TZ", ":Etc/UTC")
	f("local", "UTC")
	for _, in := range []string{"Europe/Nowhere", "+99", "../etc/passwd", "+"} {
		if _, _, err := Zone(in); err == nil {
			t.Errorf("Zone(%q) is accepted", in)
		}
	}
}

// The bytes that identity hashes never change.
func TestAppendBinary(t *testing.T) {
	s := stamp(t, "2012-04-10T18:22:01.5-03:30")
	want := "\x07\xdc\x04\x0a\x12\x16\x01\x01\x1d\xcd\x65\x00\xff\xff\xce\xc8"
	got := s.AppendBinary(nil)
	if len(got) != StampSize || string(got) != want {
		t.Errorf("AppendBinary() = %x, want %x", got, want)
	}
}

func stamp(t *testing.T, in string) Stamp {
	t.Helper()
	for _, layout := range []func(string) (Stamp, int){BSD, Ctime, DG834, YearFirst, ISO, Epoch, Unix, CLF, Tracker} {
		if s, n := layout(in); n == len(in) {
			return s
		}
	}
	t.Fatalf("no layout reads %q", in)
	return Stamp{}
}

func moment(t *testing.T, in string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, in)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func FuzzLayouts(f *testing.F) {
	for _, s := range []string{"Jun  8 14:34:33", "Mon Dec 25 13:31:15 2017", "Sat, 2010-08-21 14:38:49", "2015-03-07T05:09:30.045015+02:00",
		"1673277244.954105815", "1334074921123", "2012 Apr 10 18:22:01", "2012 04 10 18:22:01 +02:00", `10Apr2012" "18:22:01`, "20/Jun/2022:13:09:14 +0200", "Apr 15 2017 00:22:42", "x, Thursday, May 03,2018 05:46:58"} {
		f.Add(s)
	}
	zone, _, _ := Zone("Europe/London")
	c := New(Config{Zone: zone, Reference: time.Date(2012, 4, 1, 0, 0, 0, 0, time.UTC)})
	f.Fuzz(func(t *testing.T, in string) {
		check := func(s Stamp, n int, ok bool) {
			if n < 0 || n > len(in) || ok && !s.possible() || !ok && s != (Stamp{}) {
				t.Errorf("%q gives %+v, %d", in, s, n)
			}
			if got, _ := c.Time(&s, &Stamp{}, time.Now()); got.Year() < 1900 || got.Year() > 2300 {
				t.Errorf("%q is at %v", in, got)
			}
			_ = s.String()
		}
		for _, layout := range []func(string) (Stamp, int){BSD, Ctime, DG834, YearFirst, ISO, Epoch, Unix, CLF, Tracker} {
			s, n := layout(in)
			check(s, n, n > 0)
		}
		s, n, ok := NetgearTail(in)
		check(s, n, ok)
	})
}
