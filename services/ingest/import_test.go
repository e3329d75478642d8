package ingest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

var ignoreSeconds = cmpopts.IgnoreFields(Summary{}, "Seconds", "Origins")

func gz(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(content)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestImport(t *testing.T) {
	w := newWorld(t)
	path := w.file(t, "router.log", attempts(1000))
	got := w.imports(t, ImportOptions{Files: []string{path}})
	want := Summary{Lines: 1000, Events: 970, Packets: 970, Unrecognised: 20, Rejected: 10, Sources: 200,
		Repairs: Repairs{ZoneAssumed: 970}, Timezone: "UTC", Formats: map[string]Counts{"netgear-dg834": {Lines: 980, Events: 970, Packets: 970, Rejected: 10}},
		First: time.Date(2012, 4, 10, 0, 0, 0, 0, time.UTC), Last: time.Date(2012, 4, 10, 0, 4, 9, 0, time.UTC)}
	if diff := cmp.Diff(want, got, ignoreSeconds); diff != "" {
		t.Errorf("Import() mismatch (-want +got):\n%s", diff)
	}
	// Import returns when everything can be queried: nothing to wait for here.
	if n, _ := w.tables.count(); n != 970 {
		t.Errorf("%d events stored, want 970", n)
	}
	if n := len(w.tables.rejected); n != 10+20 {
		t.Errorf("%d rejected lines and samples stored, want 30", n)
	}
	for _, r := range w.tables.rejected {
		if r.Kind == scan.KindRejected && (r.Reason != `source address is masked: "x.x.2.7"` || r.Format != "netgear-dg834" || r.Line == "" || !strings.HasPrefix(r.Origin, "router.log:")) {
			t.Errorf("rejected line %+v", r)
		}
	}
	for _, ev := range w.tables.events {
		if ev.Sensor != "home" || ev.Format != "netgear-dg834" || ev.Time.Year() != 2012 || !strings.HasPrefix(ev.Origin, "router.log:") || !strings.Contains(ev.Line, ev.SrcIP.String()) {
			t.Errorf("event %s", ev.AppendJSON(nil))
		}
	}
	if n := testutil.ToFloat64(w.metrics.event); n != 970 {
		t.Errorf("metric of events = %v, want 970", n)
	}
	if n, err := testutil.GatherAndCount(w.reg); err != nil || n == 0 {
		t.Errorf("metrics: %d, %v", n, err)
	}
}

// The same content again, under whatever name, age and compression, adds nothing.
func TestImportAgain(t *testing.T) {
	w := newWorld(t)
	content := attempts(3000)
	first := w.imports(t, ImportOptions{Files: []string{w.file(t, "router.log", content)}})
	before, _ := w.tables.count()
	again := first
	again.Duplicates = first.Events

	f := func(opts ImportOptions) {
		t.Helper()
		got := w.imports(t, opts)
		if diff := cmp.Diff(again, got, ignoreSeconds); diff != "" {
			t.Errorf("Import(%v) again mismatch (-want +got):\n%s", opts.Files, diff)
		}
		if n, _ := w.tables.count(); n != before {
			t.Errorf("%d events after %v came again, want %d", n, opts.Files, before)
		}
	}
	f(ImportOptions{Files: []string{filepath.Join(w.dir, "router.log")}})
	copied := w.file(t, "copy.log.1", content)
	if err := os.Chtimes(copied, time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
	f(ImportOptions{Files: []string{copied}})
	f(ImportOptions{Files: []string{w.file(t, "router.log.gz", gz(t, content))}})
	f(ImportOptions{Files: []string{"-"}, Stdin: bytes.NewReader(content)})

	files, err := w.Files(t.Context())
	if err != nil || len(files) != 1 {
		t.Fatalf("Files() = %v, %v; want one file", files, err)
	}
	if k := files[0]; !k.Done || k.Position != int64(len(content)) || k.Lines != 3000 || len(k.Paths) != 3 || filepath.Base(k.Paths[0]) != "router.log.gz" {
		t.Errorf("Files() = %+v", k)
	}
}

// Times without a year are settled by the first import, whatever the date of a
// later copy.
func TestImportKeepsYear(t *testing.T) {
	w := newWorld(t)
	var b strings.Builder
	for range 100 {
		b.WriteString("Apr 10 18:22:01 UDP Packet - Source:192.0.2.7,3478 Destination:198.51.100.9,1033 - [DOS]\n")
	}
	w.imports(t, ImportOptions{Files: []string{w.file(t, "a.log", []byte(b.String()))}})
	late := w.file(t, "b.log", []byte(b.String()))
	if err := os.Chtimes(late, time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
	w.imports(t, ImportOptions{Files: []string{late}}) // the tables complain of another time
	if n, _ := w.tables.count(); n != 100 {
		t.Errorf("%d events, want 100", n)
	}
}

// Years that no clock can show, of the line or of the file, give events all the
// same: with the time of receipt.
func TestImportImpossibleYear(t *testing.T) {
	w := newWorld(t)
	const attempt = " - UDP Packet - Source:192.0.2.7,3478 Destination:198.51.100.9,1033 - [DOS]\n"
	path := w.file(t, "router.log", []byte("Tue, 2107-02-01 00:00:00"+attempt+"Tue, 9999-02-01 00:00:00"+attempt+"Apr 10 18:22:01"+attempt[2:]))
	far := time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(path, far, far); err != nil {
		t.Fatal(err)
	}
	got := w.imports(t, ImportOptions{Files: []string{path}}) // the tables complain of what is no event
	if n, _ := w.tables.count(); n != 3 || got.Events != 3 || got.Last.Year() > time.Now().Year() {
		t.Errorf("%d events in the tables of %+v, want 3 not later than now", n, got)
	}
}

// A file that was short when it was first imported is still the same after it
// has grown.
func TestImportGrown(t *testing.T) {
	w := newWorld(t)
	content := attempts(3000)
	const head = 10
	lines := bytes.SplitAfter(content, []byte("\n"))
	w.imports(t, ImportOptions{Files: []string{w.file(t, "router.log", bytes.Join(lines[:head], nil))}})
	got := w.imports(t, ImportOptions{Files: []string{w.file(t, "router.log", content)}})
	if got.Duplicates != head {
		t.Errorf("%d duplicates, want the %d lines that were there before", got.Duplicates, head)
	}
	if files, err := w.Files(t.Context()); err != nil || len(files) != 1 {
		t.Errorf("Files() = %v, %v; want one", files, err)
	}
	if n, _ := w.tables.count(); int64(n) != got.Events {
		t.Errorf("%d events, want %d", n, got.Events)
	}
}

// Two logs that overlap, as those that a router mails, count the common part once.
func TestImportOverlap(t *testing.T) {
	w := newWorld(t)
	lines := bytes.SplitAfter(attempts(3000), []byte("\n"))
	w.imports(t, ImportOptions{Files: []string{
		w.file(t, "mail1.log", bytes.Join(lines[:2000], nil)),
		w.file(t, "mail2.log", bytes.Join(lines[1000:], nil)),
	}})
	whole := newWorld(t)
	sum := whole.imports(t, ImportOptions{Files: []string{whole.file(t, "all.log", bytes.Join(lines, nil))}})
	if diff := cmp.Diff(whole.tables.ids(), w.tables.ids()); diff != "" {
		t.Errorf("events of overlapping logs mismatch (-whole +parts):\n%s", diff)
	}
	if n, _ := whole.tables.count(); int64(n) != sum.Events {
		t.Errorf("%d different events of %d", n, sum.Events)
	}
}

func TestImportAskedOtherwise(t *testing.T) {
	w := newWorld(t)
	path := w.file(t, "router.log", attempts(100))
	w.imports(t, ImportOptions{Files: []string{path}, Timezone: "Europe/London"})
	f := func(want string, opts ImportOptions) {
		t.Helper()
		opts.Files = []string{path}
		if _, err := w.Import(t.Context(), opts); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("Import(%+v) error = %v, want %q and the path", opts, err, want)
		}
	}
	f("first imported with time zone Europe/London, not UTC", ImportOptions{Timezone: "UTC"})
	f("first imported with year auto, not 2011", ImportOptions{Year: 2011})
	f("first imported with format auto, not netfilter", ImportOptions{Format: "netfilter"})
	w.imports(t, ImportOptions{Files: []string{path}})                            // what is not asked for stays
	w.imports(t, ImportOptions{Files: []string{path}, Timezone: "Europe/London"}) // nor is the same an error
	w.imports(t, ImportOptions{Files: []string{path}, Timezone: "UTC", Sensor: "office"})
	if n, _ := w.tables.count(); n != 2*97 {
		t.Errorf("%d events, want those of two sensors", n)
	}
}

func TestImportOptionErrors(t *testing.T) {
	w := newWorld(t)
	path := w.file(t, "router.log", attempts(10))
	for _, opts := range []ImportOptions{
		{},
		{Files: []string{path}, Sensor: "a b"},
		{Files: []string{path}, Format: "netgaer"},
		{Files: []string{path}, Timezone: "Europe/Nowhere"},
		{Files: []string{path}, Year: 12},
	} {
		if _, err := w.Import(t.Context(), opts); err == nil {
			t.Errorf("Import(%+v) is accepted", opts)
		}
	}
}

// What cannot be read is named, and everything else is imported all the same.
func TestImportBadFiles(t *testing.T) {
	w := newWorld(t)
	content := attempts(3000)
	packed := gz(t, content)
	long := append(append(attempts(10), bytes.Repeat([]byte("x"), 200_000)...), "\n"...)
	long = append(long, attempts(20)...)
	good := w.file(t, "good.log", attempts(101)[100:]) // not the same head as the others
	f := func(want []string, lines int64, files ...string) {
		t.Helper()
		sum, err := w.Import(t.Context(), ImportOptions{Files: append(files, good)})
		for _, s := range want {
			if err == nil || !strings.Contains(err.Error(), s) {
				t.Errorf("Import(%v) error = %v, want %q", files, err, s)
			}
		}
		if sum.Lines != lines+100 || sum.Lines != sum.Events+sum.Unrecognised+sum.Rejected {
			t.Errorf("Import(%v) = %+v, want %d lines and 100 of the good file", files, sum, lines)
		}
	}
	missing := filepath.Join(w.dir, "missing.log")
	f([]string{"open " + missing + ": no such file"}, 0, missing)
	pattern := filepath.Join(w.dir, "nothing*.log")
	f([]string{`pattern "` + pattern + `" fits no file`}, 0, pattern)
	empty := w.file(t, "empty.log", nil)
	f([]string{"read " + empty + ": it is empty"}, 0, empty)
	f([]string{missing, pattern, empty}, 0, missing, pattern, empty)
	f([]string{"long.log: line 11 at byte ", "has 200000 bytes"}, 31, w.file(t, "long.log", long))
	noise := bytes.Repeat([]byte("\x00\x01\x02\xff\n"), 5000)
	f([]string{"noise.bin: it is no log: byte 0 is binary data"}, 5000, w.file(t, "noise.bin", noise))

	sum, err := w.Import(t.Context(), ImportOptions{Files: []string{w.file(t, "cut.gz", packed[:len(packed)/2])}})
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "cut.gz: at byte ") || sum.Events == 0 {
		t.Errorf("Import(cut.gz) = %+v, %v; want what comes before the cut", sum, err)
	}
	// The whole file later adds the rest and nothing twice.
	whole := w.imports(t, ImportOptions{Files: []string{w.file(t, "whole.gz", packed)}, Sensor: "home"})
	if whole.Duplicates != sum.Events || whole.Lines != 3000 {
		t.Errorf("Import(whole.gz) = %+v after %+v", whole, sum)
	}
	if n := testutil.ToFloat64(w.metrics.documents.WithLabelValues("failed")); n != 7 {
		t.Errorf("metric of failed documents = %v, want 7", n)
	}
}

func TestImportEmptyStdin(t *testing.T) {
	w := newWorld(t)
	if _, err := w.Import(t.Context(), ImportOptions{Files: []string{"-"}, Stdin: strings.NewReader("")}); err == nil || !strings.Contains(err.Error(), "read stdin: it is empty") {
		t.Errorf("Import(-) error = %v", err)
	}
}

func TestImportProgress(t *testing.T) {
	w := newWorld(t)
	path := w.file(t, "router.log", attempts(20_000))
	var last Progress
	calls := 0
	w.imports(t, ImportOptions{Files: []string{path}, Progress: func(p Progress) {
		calls++
		if p.Lines < last.Lines || p.Read < last.Read || p.Read > p.Size {
			t.Errorf("Progress(%+v) after %+v", p, last)
		}
		last = p
	}})
	if info, _ := os.Stat(path); last.Read != info.Size() || last.Size != info.Size() || last.Lines != 20_000 || !last.Waiting || last.Files != 1 || last.Name != path {
		t.Errorf("last of %d calls: %+v", calls, last)
	}
}

// The keys of the summary are those that scripts read.
func TestSummaryJSON(t *testing.T) {
	b, err := json.Marshal(Summary{Lines: 1, Seconds: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"lines":1,"events":0,"packets":0,"unrecognised":0,"rejected":0,"duplicates":0,"sources":0,"owners":0,"seconds":0.5}`
	if string(b) != want {
		t.Errorf("Summary = %s, want %s", b, want)
	}
}

// Nobody takes the events off the bus: they are safe, and the error says what
// stands still.
func TestImportStalledBehindTheBus(t *testing.T) {
	w := newWorldWithout(t, func(c *Config) { c.Stall = 300 * time.Millisecond })
	path := w.file(t, "router.log", attempts(100))
	_, err := w.Import(t.Context(), ImportOptions{Files: []string{path}})
	if err == nil || !strings.Contains(err.Error(), `"enrich" makes no progress since 300ms`) || !strings.Contains(err.Error(), "stands at message 0 of ") {
		t.Errorf("Import() error = %v", err)
	}
	files, ferr := w.Files(context.Background())
	if ferr != nil || len(files) != 1 || !files[0].Done {
		t.Errorf("Files() = %+v, %v; want the file done: all of it is on the bus", files, ferr)
	}
}

// The bus is full: the error names the file, the position and what the bus said.
func TestImportStalledByFullBus(t *testing.T) {
	w := newWorldWithout(t, func(c *Config) { c.Stall, c.BatchEvents = 1500*time.Millisecond, 50 }, func(b *busConfig) { b.ObservedBytes = 256 << 10 })
	path := w.file(t, "router.log", attempts(20_000))
	_, err := w.Import(t.Context(), ImportOptions{Files: []string{path}})
	if err == nil {
		t.Fatal("Import() into a full bus succeeds")
	}
	for _, want := range []string{path, "no progress for 1.5s at byte ", "all before it is safe", "stream is full"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Import() error = %v, want %q", err, want)
		}
	}
	// With room again, the next import goes on and loses nothing.
	w.tables = readBus(t, w.bus)
	w.cfg.Stall = 20 * time.Second
	sum := w.imports(t, ImportOptions{Files: []string{path}})
	if n, _ := w.tables.count(); int64(n) != sum.Events {
		t.Errorf("%d events of %d stored", n, sum.Events)
	}
}

// A bus that goes away and comes back in the middle of an import is waited for.
func TestImportBusAway(t *testing.T) {
	w := newWorld(t)
	path := w.file(t, "router.log", attempts(30_000))
	stopped := false
	sum := w.imports(t, ImportOptions{Files: []string{path}, Progress: func(p Progress) {
		if p.Lines > 0 && !stopped {
			stopped = true
			start := w.stopBus(t)
			time.AfterFunc(200*time.Millisecond, start)
		}
	}})
	if n, _ := w.tables.count(); int64(n) != sum.Events || !stopped {
		t.Errorf("%d events of %d stored", n, sum.Events)
	}
}

func TestImportCancelled(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(context.Background())
	path := w.file(t, "router.log", attempts(50_000))
	_, err := w.Import(ctx, ImportOptions{Files: []string{path}, Progress: func(p Progress) {
		if p.Lines > 0 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), path) {
		t.Errorf("Import() error = %v, want that it was cancelled", err)
	}
}
