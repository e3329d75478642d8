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
			for line := range strings.Lines(string(in)) {
				got.WriteString(One(f, strings.TrimSuffix(line, "\n")) + "\n")
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
	var l envelope.Line
	var ev scan.Event
	envelope.Unwrap(line, &l)
	err := f(&l, &ev)
	var rejected *parse.Rejection
	switch {
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

// Fuzz feeds f with damaged lines, starting from testdata. Whatever comes, a
// parser answers with one of its errors or with an event that is valid.
func Fuzz(f *testing.F, p parse.Func) {
	files, _ := filepath.Glob("testdata/*.log")
	for _, file := range files {
		in, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.Lines(string(in)) {
			f.Add(line)
		}
	}
	f.Fuzz(func(t *testing.T, line string) {
		if !utf8.ValidString(line) {
			t.Skip("the caller makes lines valid")
		}
		if msg := Check(p, line); msg != "" {
			t.Errorf("%s: %q", msg, line)
		}
	})
}

// Check returns what is wrong with how p reads line, or nothing.
func Check(p parse.Func, line string) string {
	var l envelope.Line
	var ev scan.Event
	envelope.Unwrap(line, &l)
	err := p(&l, &ev)
	if err != nil {
		var rejected *parse.Rejection
		if !errors.As(err, &rejected) && !errors.Is(err, parse.ErrContinues) && !errors.Is(err, parse.ErrNotMine) {
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
	size := 0
	for _, file := range files {
		in, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		for line := range strings.Lines(string(in)) {
			var l envelope.Line
			var ev scan.Event
			envelope.Unwrap(line, &l)
			if f(&l, &ev) == nil {
				lines = append(lines, line)
				size += len(line)
			}
		}
	}
	b.SetBytes(int64(size / len(lines)))
	b.ReportAllocs()
	var l envelope.Line
	var ev scan.Event
	for i := 0; b.Loop(); i++ {
		envelope.Unwrap(lines[i%len(lines)], &l)
		if err := f(&l, &ev); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}
