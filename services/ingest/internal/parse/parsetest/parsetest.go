// Package parsetest tests a format: against golden files, with damaged lines, and
// for speed.
package parsetest

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

var update = flag.Bool("update", false, "rewrite golden files")

// reference is the date of every golden file.
var reference = time.Date(2013, 2, 3, 4, 5, 6, 0, time.UTC)

// Golden parses every testdata/*.log line by line and compares with the file
// *.golden.jsonl beside it.
func Golden(t *testing.T, f parse.Func) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.log")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata/*.log: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			in, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			var header *envelope.Header
			for line := range strings.Lines(string(in)) {
				got.WriteString(one(f, strings.TrimSuffix(line, "\n"), &header) + "\n")
			}
			golden := strings.TrimSuffix(file, ".log") + ".golden.jsonl"
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
				t.Errorf("Parse() of %s mismatch (-want +got):\n%s", file, diff)
			}
		})
	}
}

// One parses a line and tells the outcome as JSON: the event without what the
// caller of a parser adds, but with its time, or why there is none.
func One(f parse.Func, line string) string {
	var header *envelope.Header
	return one(f, line, &header)
}

func one(f parse.Func, line string, header **envelope.Header) string {
	var l envelope.Line
	var ev scan.Event
	envelope.Unwrap(line, &l)
	l.Header = *header
	err := f(&l, &ev)
	*header = l.Header
	var rejected *parse.Rejection
	var gap *parse.Gap
	switch {
	case errors.As(err, &gap):
		return fmt.Sprintf(`{"gap":%q,"packets":%d}`, gap.Reason, gap.Packets)
	case errors.Is(err, parse.ErrHeader):
		return fmt.Sprintf(`{"header":%q}`, columns(l.Header))
	case err == nil:
		ev.Time, ev.TimeBasis = clock.New(clock.Config{Reference: reference}).Time(&l.Stamp, &l.Outer, reference)
		return string(ev.AppendJSON(nil))
	case errors.As(err, &rejected):
		return fmt.Sprintf(`{"rejected":%q}`, rejected.Reason)
	case errors.Is(err, parse.ErrContinues):
		return `{"continues":true}`
	case errors.Is(err, parse.ErrNotMine):
		return `{"unrecognised":true}`
	}
	return fmt.Sprintf(`{"unexpected error":%q}`, err)
}

func columns(h *envelope.Header) string {
	if h == nil {
		return ""
	}
	return strings.Join(h.Columns, " ")
}

// Fuzz feeds f with damaged lines, starting from testdata, and where a format
// has headers, under one of them. Whatever comes, a parser answers with one of
// its errors or with an event that is valid.
func Fuzz(f *testing.F, p parse.Func) {
	files, _ := filepath.Glob("testdata/*.log")
	var headers []*envelope.Header
	for _, file := range files {
		in, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		var header *envelope.Header
		for line := range strings.Lines(string(in)) {
			f.Add(line)
			before := header
			if one(p, line, &header); header != before {
				headers = append(headers, header)
			}
		}
	}
	f.Fuzz(func(t *testing.T, line string) {
		if !utf8.ValidString(line) {
			t.Skip("the caller makes lines valid")
		}
		if msg := check(p, line, nil); msg != "" {
			t.Errorf("%s: %q", msg, line)
		}
		for _, h := range headers {
			if msg := check(p, line, h); msg != "" {
				t.Errorf("under header %q: %s: %q", h.Columns, msg, line)
			}
		}
	})
}

// Check returns what is wrong with how p reads line, or nothing.
func Check(p parse.Func, line string) string { return check(p, line, nil) }

func check(p parse.Func, line string, header *envelope.Header) string {
	var l envelope.Line
	var ev scan.Event
	envelope.Unwrap(line, &l)
	l.Header = header
	err := p(&l, &ev)
	if err != nil {
		var rejected *parse.Rejection
		var gap *parse.Gap
		if !errors.As(err, &rejected) && !errors.As(err, &gap) && !errors.Is(err, parse.ErrHeader) && !errors.Is(err, parse.ErrContinues) && !errors.Is(err, parse.ErrNotMine) {
			return fmt.Sprintf("Parse() error = %v, want one of the package's", err)
		}
		return ""
	}
	ev.Sensor, ev.Format, ev.ID, ev.Received = "home", "any", 1, reference
	ev.Time, ev.TimeBasis = clock.New(clock.Config{Reference: reference}).Time(&l.Stamp, &l.Outer, reference)
	if err := ev.Validate(); err != nil {
		return fmt.Sprintf("Validate() = %v", err)
	}
	if !l.Stamp.IsZero() && l.Stamp.Month > 12 {
		return "impossible time"
	}
	return ""
}

// Cut checks that no piece of a line, cut off anywhere, gives another source
// address or a field that the whole line has not.
func Cut(t *testing.T, f parse.Func, line string) {
	t.Helper()
	whole := parseLine(t, f, line)
	for n := range len(line) {
		var l envelope.Line
		var ev scan.Event
		envelope.Unwrap(line[:n], &l)
		if f(&l, &ev) != nil {
			continue
		}
		same := func(name string, absent, equal bool) {
			if !absent && !equal {
				t.Errorf("cut to %q: %s is made up: %s", line[:n], name, ev.AppendJSON(nil))
			}
		}
		same("src_ip", false, ev.SrcIP == whole.SrcIP)
		same("src_port", !ev.SrcPort.OK, ev.SrcPort == whole.SrcPort)
		same("dst_ip", !ev.DstIP.IsValid(), ev.DstIP == whole.DstIP)
		same("dst_port", !ev.DstPort.OK, ev.DstPort == whole.DstPort)
		same("tcp_flags", !ev.TCPFlags.OK, ev.TCPFlags == whole.TCPFlags)
		same("icmp_type", !ev.ICMPType.OK, ev.ICMPType == whole.ICMPType)
		same("proto", ev.Proto == "", ev.Proto == whole.Proto)
	}
}

func parseLine(t *testing.T, f parse.Func, line string) scan.Event {
	t.Helper()
	var l envelope.Line
	var ev scan.Event
	envelope.Unwrap(line, &l)
	if err := f(&l, &ev); err != nil {
		t.Fatalf("Parse(%q) error = %v", line, err)
	}
	return ev
}

// Bench measures unwrapping and parsing of the events in testdata, one line an
// operation, on one core.
func Bench(b *testing.B, f parse.Func) {
	b.Helper()
	files, _ := filepath.Glob("testdata/*.log")
	var lines []string
	var headers []*envelope.Header // of each line
	size := 0
	for _, file := range files {
		in, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		var header *envelope.Header
		for line := range strings.Lines(string(in)) {
			var l envelope.Line
			var ev scan.Event
			envelope.Unwrap(line, &l)
			l.Header = header
			if f(&l, &ev) == nil {
				lines, headers = append(lines, line), append(headers, header)
				size += len(line)
			}
			header = l.Header
		}
	}
	b.SetBytes(int64(size / len(lines)))
	b.ReportAllocs()
	var l envelope.Line
	var ev scan.Event
	for i := 0; b.Loop(); i++ {
		envelope.Unwrap(lines[i%len(lines)], &l)
		l.Header = headers[i%len(lines)]
		if err := f(&l, &ev); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}
