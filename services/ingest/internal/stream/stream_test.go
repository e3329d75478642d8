package stream

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// record keeps what comes out, as text.
type record struct {
	out []string
	ids []string
	err error
}

func (r *record) Event(ev *scan.Event) error {
	r.out = append(r.out, fmt.Sprintf("%s event %s x%d %s", ev.Origin, ev.SrcIP, ev.Packets, ev.Time.Format(time.DateTime)))
	r.ids = append(r.ids, ev.ID.String())
	return r.err
}

func (r *record) Rejected(x *scan.Rejected) error {
	r.out = append(r.out, fmt.Sprintf("%s %s %s", x.Origin, x.Kind, x.Reason))
	r.ids = append(r.ids, x.ID.String())
	return r.err
}

var cfg = Config{Sensor: "home", Name: "log", Samples: 100, Join: true, Reference: time.Date(2012, 5, 1, 0, 0, 0, 0, time.UTC)}

const (
	hit  = "Tue, 2012-04-10 18:22:01 - UDP Packet - Source:192.0.2.7,3478 Destination:198.51.100.9,1033 - [DOS]"
	hit2 = "Tue, 2012-04-10 18:22:01 - UDP Packet - Source:192.0.2.8,3478 Destination:198.51.100.9,1033 - [DOS]"
)

func TestLine(t *testing.T) {
	f := func(text, counts string, want ...string) {
		t.Helper()
		var r record
		s := feed(t, cfg, &r, text)
		if diff := cmp.Diff(want, r.out); diff != "" {
			t.Errorf("lines %q mismatch (-want +got):\n%s", text, diff)
		}
		if got := s.Counts().String(); got != counts {
			t.Errorf("lines %q: %s, want %s", text, got, counts)
		}
	}
	const ev, ev2 = "event 192.0.2.7 x1 2012-04-10 18:22:01", "event 192.0.2.8 x1 2012-04-10 18:22:01"
	f("", "0 lines = 0 events + 0 unrecognised + 0 rejected")
	f(hit, "1 lines = 1 events + 0 unrecognised + 0 rejected", "log:1 "+ev) // no line ending
	f(hit+"\r\n\n"+hit2+"\n", "3 lines = 2 events + 1 unrecognised + 0 rejected", "log:1 "+ev, "log:3 "+ev2)
	f("hello\n \n", "2 lines = 0 events + 2 unrecognised + 0 rejected", "log:1 unrecognised no format claims the line")
	f(strings.Replace(hit, "192.0.2.7", "x.x.2.7", 1), "1 lines = 0 events + 0 unrecognised + 1 rejected", `log:1 rejected source address is masked: "x.x.2.7"`)

	// syslogd's sums
	const k = "Apr 10 18:22:01 gw kernel: DROP IN=ppp0 OUT= MAC= SRC=192.0.2.7 DST=198.51.100.9 LEN=20 PROTO=2\n"
	f(k+"Apr 10 18:22:31 gw last message repeated 3 times\nApr 10 18:23:31 gw last message repeated 2 times\n",
		"3 lines = 3 events + 0 unrecognised + 0 rejected",
		"log:1 "+ev, "log:2 event 192.0.2.7 x3 2012-04-10 18:22:31", "log:3 event 192.0.2.7 x2 2012-04-10 18:23:31")
	f(k+"Apr 10 18:22:31 other last message repeated 3 times\n", "2 lines = 1 events + 1 unrecognised + 0 rejected",
		"log:1 "+ev, "log:2 unrecognised no format claims the line")
	f(k+"hello\nApr 10 18:22:31 gw last message repeated 3 times\n", "3 lines = 1 events + 2 unrecognised + 0 rejected",
		"log:1 "+ev, "log:2 unrecognised no format claims the line", "log:3 unrecognised no format claims the line")
	f("Apr 10 18:22:31 gw last message repeated 3 times\n", "1 lines = 0 events + 1 unrecognised + 0 rejected",
		"log:1 unrecognised no format claims the line")
	f("Apr 10 18:22:31 gw kernel: message repeated 4 times: [ DROP IN=ppp0 OUT= MAC= SRC=192.0.2.7 DST=198.51.100.9 LEN=20 PROTO=2]\n",
		"1 lines = 1 events + 0 unrecognised + 0 rejected", "log:1 event 192.0.2.7 x4 2012-04-10 18:22:31")

	// entries wrapped over two lines
	const first = "[DoS attack: ACK Scan] attack packets in last 20 sec from ip\n"
	const second = "[192.0.2.7], Tuesday, Apr 10,2012 18:22:01\n"
	const cut = "entry is cut off before the source address"
	f(first+second+first+second, "4 lines = 2 events + 2 unrecognised + 0 rejected",
		"log:1 "+ev, "log:2 unrecognised second half of the entry that begins on the line before",
		"log:3 "+ev, "log:4 unrecognised second half of the entry that begins on the line before")
	f(first, "1 lines = 0 events + 0 unrecognised + 1 rejected", "log:1 rejected "+cut)
	f(first+first+second, "3 lines = 1 events + 1 unrecognised + 1 rejected",
		"log:1 rejected "+cut, "log:2 "+ev, "log:3 unrecognised second half of the entry that begins on the line before")
	f(first+hit+"\n", "2 lines = 1 events + 0 unrecognised + 1 rejected", "log:1 rejected "+cut, "log:2 "+ev)
	f(second, "1 lines = 0 events + 1 unrecognised + 0 rejected", "log:1 unrecognised no format claims the line")
}

// Two equal lines in one second stay two, and the same file again adds none.
func TestIdentity(t *testing.T) {
	ids := func(text string) []string {
		var r record
		feed(t, cfg, &r, text)
		return r.ids
	}
	once := ids(hit + "\n" + hit + "\n" + hit2 + "\n")
	if once[0] == once[1] || once[0] == once[2] {
		t.Errorf("IDs %v, want three different ones", once)
	}
	if diff := cmp.Diff(once, ids(hit+"\r\n"+hit+"  \r\n"+hit2)); diff != "" {
		t.Errorf("IDs of the same lines with other line endings mismatch (-want +got):\n%s", diff)
	}
	mailed := ids("No.001  " + hit + "\nNo.002  " + hit + "\n" + hit2)
	if diff := cmp.Diff(once, mailed); diff != "" {
		t.Errorf("IDs of the same lines in an alert mail mismatch (-want +got):\n%s", diff)
	}
	if overlap := ids(hit + "\n" + hit2); overlap[0] != once[0] || overlap[1] != once[2] {
		t.Errorf("IDs %v of an overlapping log, want of those in %v", overlap, once)
	}
	wrapped := ids("[DoS attack: ACK Scan] attack packets in last 20 sec from ip\n[192.0.2.7], Tuesday, Apr 10,2012 18:22:01\n")
	whole := ids("[DoS attack: ACK Scan] attack packets in last 20 sec from ip [192.0.2.7], Tuesday, Apr 10,2012 18:22:01\n")
	if wrapped[0] != whole[0] {
		t.Errorf("a wrapped entry has ID %s, want that of the whole one, %s", wrapped[0], whole[0])
	}
}

func TestSamples(t *testing.T) {
	var r record
	s := feed(t, Config{Sensor: "home", Name: "log", Samples: 2}, &r, strings.Repeat("hello\n", 5))
	if len(r.out) != 2 || s.Counts().Unrecognised != 5 {
		t.Errorf("%d samples of %v, want 2 of 5", len(r.out), s.Counts())
	}
	if r.ids[0] == r.ids[1] {
		t.Error("two samples have one ID")
	}
}

func TestLong(t *testing.T) {
	var r record
	s, err := New(cfg, &r)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Long(strings.Repeat("é", 4000), 1<<30, 7, time.Now()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"log:7 rejected line of 1073741824 bytes is too long"}; !cmp.Equal(want, r.out) || s.Counts().Rejected != 1 {
		t.Errorf("Long() gives %q, %v; want %q", r.out, s.Counts(), want)
	}
}

// What a device writes in another encoding is kept readable, and valid.
func TestText(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := Text(in); got != want {
			t.Errorf("Text(%q) = %q, want %q", in, got, want)
		}
	}
	f("plain\r", "plain")
	f("d\xe9ni\xe9", "dénié")
	f("dénié", "dénié")
	f("\xff", "ÿ")
	long := cut(strings.Repeat("é", scan.MaxLine))
	if len(long) > scan.MaxLine || !utf8.ValidString(long) {
		t.Errorf("cut() gives %d bytes, valid %v", len(long), utf8.ValidString(long))
	}
	if s := cut(strings.Repeat("a", scan.MaxLine-1) + "é"); !utf8.ValidString(s) {
		t.Errorf("cut() splits a character")
	}
}

func TestSinkError(t *testing.T) {
	want := errors.New("bus is away")
	for _, in := range []string{hit, "hello", strings.Replace(hit, "192.0.2.7", "x.x.2.7", 1)} {
		s, _ := New(cfg, &record{err: want})
		if err := s.Line(in, 1, time.Now()); !errors.Is(err, want) {
			t.Errorf("Line(%q) error = %v, want the sink's", in, err)
		}
	}
}

func TestNewUnknownFormat(t *testing.T) {
	_, err := New(Config{Format: "netgaer"}, &record{})
	if err == nil || !strings.Contains(err.Error(), "netgear-dos") {
		t.Errorf("New() error = %v, want the formats there are", err)
	}
}

// The order in which formats are tried never shows.
func TestMixedFormats(t *testing.T) {
	lines := append(sample("netfilter", 3), append(sample("netgear-dg834", 3), sample("netgear-dos", 3)...)...)
	var forward, backward record
	feed(t, cfg, &forward, strings.Join(lines, "\n"))
	for i, j := 0, len(lines)-1; i < j; i, j = i+1, j-1 {
		lines[i], lines[j] = lines[j], lines[i]
	}
	feed(t, cfg, &backward, strings.Join(lines, "\n"))
	seen := make(map[string]bool)
	for _, id := range forward.ids {
		seen[id] = true
	}
	for _, id := range backward.ids {
		if !seen[id] {
			t.Errorf("ID %s only if lines are read backwards", id)
		}
	}
	if len(forward.ids) != 9 {
		t.Errorf("%d events, want 9", len(forward.ids))
	}
}

// Whatever is read, every line is counted once and every event is valid.
func FuzzStream(f *testing.F) {
	f.Add(hit + "\n" + hit2)
	f.Add("[DoS attack: ACK Scan] attack packets in last 20 sec from ip\n[192.0.2.7], Tuesday, Apr 10,2012 18:22:01\n")
	f.Add("Apr 10 18:22:01 gw kernel: DROP IN=ppp0 OUT= MAC= SRC=192.0.2.7 DST=198.51.100.9 LEN=20 PROTO=2\nApr 10 18:22:31 gw last message repeated 3 times\n")
	f.Add("\xff\xfe\x00")
	f.Fuzz(func(t *testing.T, in string) {
		sink := &tallySink{t: t, ids: make(map[scan.ID]bool)}
		s := feed(t, cfg, sink, in)
		c := s.Counts()
		lines := int64(strings.Count(in, "\n"))
		if in != "" && !strings.HasSuffix(in, "\n") {
			lines++
		}
		if c.Lines != lines || c.Lines != c.Events+c.Unrecognised+c.Rejected || c.Packets < c.Events {
			t.Errorf("%d lines: %v, %d packets", lines, c, c.Packets)
		}
	})
}

func TestGap(t *testing.T) {
	s, err := New(cfg, &record{})
	if err != nil {
		t.Fatal(err)
	}
	var kept []scan.Rejected
	s.sink = rejectedFunc(func(r *scan.Rejected) { kept = append(kept, *r) })
	if err := s.settle(&parse.Gap{Packets: 18, Reason: "missed 18 packets"}, "missed 18 packets", 3, cfg.Reference); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Counts{Lines: 1, Unrecognised: 1, Gaps: 1, Missed: 18}, s.Counts()); diff != "" {
		t.Errorf("Counts() mismatch (-want +got):\n%s", diff)
	}
	if len(kept) != 1 || kept[0].Kind != scan.KindGap || kept[0].Packets != 18 || kept[0].ID == 0 || kept[0].Origin != "log:3" {
		t.Errorf("kept %+v, want one gap of 18 packets", kept)
	}
}

type rejectedFunc func(*scan.Rejected)

func (f rejectedFunc) Event(*scan.Event) error         { return nil }
func (f rejectedFunc) Rejected(r *scan.Rejected) error { f(r); return nil }
