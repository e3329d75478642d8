package format_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Every format is run over the fixtures of every other: none claims a line that
// is not its own. (Package stream does the same with real logs.)
func TestOneClaim(t *testing.T) {
	for _, own := range format.All() {
		t.Run(own.Name, func(t *testing.T) {
			files, err := filepath.Glob(filepath.Join(strings.ReplaceAll(own.Name, "-", ""), "testdata", "*.log"))
			if err != nil || len(files) == 0 {
				t.Fatalf("no fixtures: %v", err)
			}
			for _, file := range files {
				in, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				var header *envelope.Header
				for raw := range strings.Lines(string(in)) {
					header = claim(t, own.Name, strings.TrimRight(raw, "\r\n"), header)
				}
			}
		})
	}
}

// claim checks who claims a line of a format's fixtures, and returns the header
// for the lines after it.
func claim(t *testing.T, own, raw string, header *envelope.Header) *envelope.Header {
	t.Helper()
	after := header
	for _, f := range format.All() {
		var l envelope.Line
		var ev scan.Event
		envelope.Unwrap(raw, &l)
		l.Header = header
		err := f.Parse(&l, &ev)
		if l.Header != header {
			after = l.Header
		}
		if f.Name != own && !errors.Is(err, parse.ErrNotMine) {
			t.Errorf("%s claims a line of %s: %q", f.Name, own, raw)
		}
	}
	return after
}

func TestTable(t *testing.T) {
	for _, f := range format.All() {
		if f.Name == format.Auto || f.Name != strings.ToLower(f.Name) || f.Parse == nil || f.Devices == "" || f.Mark == "" {
			t.Errorf("format %+v lacks something", f)
		}
	}
}

// A detector that knows one format finds that one only; one that knows all goes
// on with whichever claimed the last line.
func TestDetector(t *testing.T) {
	const (
		netgear   = "UDP Packet - Source:192.0.2.7,3478 Destination:198.51.100.9,1033 - [DOS]"
		netfilter = "DROP IN=eth0 OUT= MAC= SRC=192.0.2.7 DST=198.51.100.9 LEN=40 PROTO=TCP SPT=1 DPT=2 WINDOW=1 RES=0x00 SYN URGP=0 "
	)
	f := func(name string, lines []string, want ...string) {
		t.Helper()
		d, err := format.New(name)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, raw := range lines {
			var l envelope.Line
			var ev scan.Event
			envelope.Unwrap(raw, &l)
			found, err := d.Parse(&l, &ev)
			if (found == "") != errors.Is(err, parse.ErrNotMine) {
				t.Errorf("Parse(%q) = %q, %v", raw, found, err)
			}
			got = append(got, found)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("formats of %q mismatch (-want +got):\n%s", lines, diff)
		}
	}
	mixed := []string{netgear, netfilter, "hello", netfilter, netgear}
	f("", mixed, "netgear-dg834", "netfilter", "", "netfilter", "netgear-dg834")
	f(format.Auto, mixed, "netgear-dg834", "netfilter", "", "netfilter", "netgear-dg834")
	f("netfilter", mixed, "", "netfilter", "", "netfilter", "")
	if _, err := format.New("syslog"); err == nil || !strings.Contains(err.Error(), "netgear-dg834") {
		t.Errorf("New(syslog) = %v, want the names that there are", err)
	}
}
