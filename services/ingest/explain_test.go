package ingest

import (
	"strings"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

func TestExplain(t *testing.T) {
	f := func(line, outcome, format, repair string, basis scan.TimeBasis) Explanation {
		t.Helper()
		x, err := Explain(line, ExplainOptions{Timezone: "Europe/London", At: time.Date(2012, 5, 1, 0, 0, 0, 0, time.UTC)})
		if err != nil {
			t.Fatal(err)
		}
		if x.Outcome != outcome || x.Format != format || x.TimeRepair != repair || x.Event.TimeBasis != basis {
			t.Errorf("Explain(%q)\n got %s %q %q %q %q", line, x.Outcome, x.Format, x.TimeRepair, x.Event.TimeBasis, x.Reason)
		}
		return x
	}
	const packet = "IN=ppp0 OUT= MAC= SRC=192.0.2.7 DST=198.51.100.9 LEN=20 PROTO=2"
	x := f("Apr 10 18:22:01 gw kern.warn kernel: [5.5] DROP "+packet, OutcomeEvent, "netfilter",
		"the line has no year: the latest that is not after the file's date; nor a zone: taken as Europe/London", scan.TimeYearInferred)
	if x.Host != "gw" || x.Level != "kern.warn" || x.Tag != "kernel" || x.Written != "Apr 10 18:22:01" || x.Payload != "DROP "+packet {
		t.Errorf("Explain() envelope = %+v", x)
	}
	if got := x.Event.Time.Format(time.RFC3339); got != "2012-04-10T17:22:01Z" || x.Event.SrcIP.String() != "192.0.2.7" || x.Event.ID == 0 {
		t.Errorf("Explain() event = %s", x.Event.AppendJSON(nil))
	}
	f("2012-04-10T18:22:01Z gw kernel: DROP "+packet, OutcomeEvent, "netfilter", "date, year and zone stand in the line", scan.TimeGiven)
	f("DROP "+packet, OutcomeEvent, "netfilter", "the line has no time: the file's date, or that of receipt", scan.TimeReceived)
	f("Sat, 2000-01-01 00:00:31 - UDP Packet - Source:192.0.2.7,53 Destination:198.51.100.9,1024 - [DOS]", OutcomeEvent, "netgear-dg834",
		"the device's clock was not set, or the date is impossible: the file's date, or that of receipt", scan.TimeReceived)
	x = f("Feb  7 03:00:00 192.168.0.1 [LAN access from remote] from 192.0.2.9:41007 to 192.168.0.6:6311 Wednesday, Jan 01,2003 02:47:44", OutcomeEvent, "netgear-dos",
		"the device's clock was not set: the time of whoever relayed the line", scan.TimeReceived)
	if x.Written != "2003 Jan 01 02:47:44" || x.Relayed != "Feb 07 03:00:00" {
		t.Errorf("Explain() times = %q, %q", x.Written, x.Relayed)
	}
	x = f("DROP "+strings.Replace(packet, "192.0.2.7", "x.x.2.7", 1), OutcomeRejected, "netfilter", "", "")
	if x.Reason != `source address is masked: "x.x.2.7"` {
		t.Errorf("Explain() reason = %q", x.Reason)
	}
	f("hello", OutcomeUnrecognised, "", "", "")
	if x = f(" ", OutcomeUnrecognised, "", "", ""); x.Reason != "the line is blank" {
		t.Errorf("Explain() reason = %q", x.Reason)
	}
	if x, _ := Explain("Apr 10 18:22:01 gw DROP "+packet, ExplainOptions{Year: 2009, Timezone: "UTC"}); x.TimeRepair != "the line has no year: taken as asked; nor a zone: taken as UTC" || x.Event.Time.Year() != 2009 {
		t.Errorf("Explain() with a year = %q, %v", x.TimeRepair, x.Event.Time)
	}
}

func TestExplainErrors(t *testing.T) {
	for _, opts := range []ExplainOptions{{Timezone: "x"}, {Format: "x"}, {Sensor: "a b"}} {
		if _, err := Explain("hello", opts); err == nil {
			t.Errorf("Explain() with %+v is accepted", opts)
		}
	}
}
