package scan

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestValidate(t *testing.T) {
	f := func(change func(e *Event), want string) {
		t.Helper()
		e := sample().Event
		change(&e)
		err := e.Validate()
		switch {
		case want == "" && err != nil:
			t.Errorf("Validate() = %v", err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("Validate() = %v, want %s", err, want)
		}
	}
	day := func(year int) time.Time { return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC) }

	f(func(e *Event) {}, "")
	f(func(e *Event) {
		*e = Event{ID: 1, Time: day(1970), TimeBasis: TimeReceived, Sensor: "s", Format: "f", Verdict: VerdictUnknown,
			Direction: DirectionUnknown, SrcIP: netip.MustParseAddr("::1"), Packets: 1}
	}, "")
	f(func(e *Event) { e.ID = 0 }, "id: absent")
	f(func(e *Event) { e.Time = time.Time{} }, "time: absent")
	f(func(e *Event) { e.Time = day(1970).Add(-1) }, "time: year 1969 is not from 1970 to 2105")
	f(func(e *Event) { e.Time = day(2106) }, "time: year 2106")
	f(func(e *Event) { e.Time = day(2106).Add(-1) }, "")
	f(func(e *Event) { e.Received = time.Time{} }, "")
	f(func(e *Event) { e.Received = day(20000) }, "received: year 20000")
	f(func(e *Event) { e.TimeBasis = "" }, "time_basis: absent")
	f(func(e *Event) { e.TimeBasis = "guess" }, `time_basis: unknown word "guess"`)
	f(func(e *Event) { e.Sensor = "" }, `sensor: ""`)
	f(func(e *Event) { e.Sensor = "a.b" }, `sensor: "a.b"`)
	f(func(e *Event) { e.Format = "" }, "format: absent")
	f(func(e *Event) { e.Format = "\xff" }, "format: not UTF-8")
	f(func(e *Event) { e.Verdict = "" }, "verdict: absent")
	f(func(e *Event) { e.Verdict = "Drop" }, `verdict: unknown word "Drop"`)
	f(func(e *Event) { e.Direction = "" }, "direction: absent")
	f(func(e *Event) { e.Direction = "up" }, `direction: unknown word "up"`)
	f(func(e *Event) { e.Proto = "\x80" }, "proto: not UTF-8")
	f(func(e *Event) { e.SrcIP = netip.Addr{} }, "src_ip: absent")
	f(func(e *Event) { e.SrcIP = netip.MustParseAddr("::ffff:192.0.2.1") }, `src_ip: "::ffff:192.0.2.1" is not canonical`)
	f(func(e *Event) { e.SrcIP = netip.MustParseAddr("fe80::1%eth0") }, `src_ip: "fe80::1%eth0" is not canonical`)
	f(func(e *Event) { e.DstIP = netip.Addr{} }, "")
	f(func(e *Event) { e.DstIP = netip.MustParseAddr("::ffff:192.0.2.1") }, "dst_ip: ")
	f(func(e *Event) { e.Packets = 0 }, "packets: 0")
	f(func(e *Event) { e.Label = "\xe6\x97" }, `label: not UTF-8: "\xe6\x97"`)
	f(func(e *Event) { e.Line = "" }, "")
	f(func(e *Event) { e.Line = strings.Repeat("x", MaxLine) }, "")
	f(func(e *Event) { e.Line = strings.Repeat("x", MaxLine+1) }, "line: 4097 bytes, more than 4096")
	f(func(e *Event) { e.Line = "caf\xe9" }, `line: not UTF-8: "caf\xe9"`)
	f(func(e *Event) { e.Origin = strings.Repeat("x", MaxLine+1) }, "origin: 4097 bytes")

	for _, w := range []Verdict{VerdictDrop, VerdictReject, VerdictAllow, VerdictAlert, VerdictUnknown} {
		f(func(e *Event) { e.Verdict = w }, "")
	}
	for _, w := range []Direction{DirectionIn, DirectionOut, DirectionLocal, DirectionUnknown} {
		f(func(e *Event) { e.Direction = w }, "")
	}
	for _, w := range []TimeBasis{TimeGiven, TimeZoneAssumed, TimeYearInferred, TimeReceived} {
		f(func(e *Event) { e.TimeBasis = w }, "")
	}
}

func TestValidSensor(t *testing.T) {
	f := func(in string, want bool) {
		t.Helper()
		if err := ValidSensor(in); (err == nil) != want {
			t.Errorf("ValidSensor(%q) = %v, want valid %v", in, err, want)
		}
	}
	f("home", true)
	f("home-adsl_2", true)
	f("AZaz09", true)
	f("-", true)
	f(strings.Repeat("x", 64), true)
	f("", false)
	f(strings.Repeat("x", 65), false)
	f("home.adsl", false)
	f("*", false)
	f(">", false)
	f("a b", false)
	f("a/b", false)
	f("å", false)
	f("a\x00", false)
	f("a\n", false)
}
