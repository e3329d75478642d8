package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/input"
)

// The environment of a test binary that is to import a file instead of testing.
const (
	envHelperURL  = "INGEST_TEST_HELPER_URL"
	envHelperFile = "INGEST_TEST_HELPER_FILE"
)

// TestHelperImport is the process that TestKill kills. Run by itself it does
// nothing.
func TestHelperImport(t *testing.T) {
	url := os.Getenv(envHelperURL)
	if url == "" {
		t.Skip("only run by TestKill")
	}
	cfg := bus.DefaultConfig()
	cfg.URL = url
	b, err := bus.Connect(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	ic := DefaultConfig()
	ic.Timezone, ic.BatchEvents = "UTC", 100
	s, err := New(ic, b, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.saveEvery = time.Millisecond
	fmt.Println("begun")
	if _, err := s.Import(t.Context(), ImportOptions{Files: []string{os.Getenv(envHelperFile)}}); err != nil {
		t.Fatal(err)
	}
}

// Whenever an import is killed, running it again ends with the same events as if
// it had never been.
func TestKill(t *testing.T) {
	const lines = 50_000
	w := newWorld(t)
	path := w.file(t, "router.log", attempts(lines))
	killed, resumed := 0, false
	for range 4 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestHelperImport$")
		cmd.Env = append(os.Environ(), envHelperURL+"="+w.server.URL(), envHelperFile+"="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		begun := make([]byte, 1)
		if _, err := io.ReadFull(out, begun); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rand.IntN(200)) * time.Millisecond)
		_ = cmd.Process.Kill()
		if err := cmd.Wait(); err != nil {
			killed++
		}
		if files, err := w.Files(t.Context()); err != nil {
			t.Fatal(err)
		} else if len(files) == 1 && files[0].Position > 0 && !files[0].Done {
			resumed = true
		}
	}
	sum := w.imports(t, ImportOptions{Files: []string{path}})
	stored, came := w.tables.count()
	t.Logf("killed %d times, resumed in the middle %v, %d events came for %d different ones", killed, resumed, came, stored)
	if killed == 0 {
		t.Error("no import was killed before it was done")
	}

	control := newWorld(t)
	want := control.imports(t, ImportOptions{Files: []string{control.file(t, "router.log", attempts(lines))}})
	if diff := cmp.Diff(control.tables.ids(), w.tables.ids()); diff != "" {
		t.Errorf("events after kills mismatch (-want +got):\n%.2000s", diff)
	}
	sum.Duplicates = 0
	if diff := cmp.Diff(want, sum, ignoreSeconds); diff != "" {
		t.Errorf("summary after kills mismatch (-want +got):\n%s", diff)
	}
}

// Broken off anywhere, also between the halves of wrapped entries, an import
// that is run again loses nothing and adds nothing.
func TestResume(t *testing.T) {
	var b strings.Builder
	for i := range 4000 {
		at := time.Date(2010, 6, 3, 15, 0, i/3, 0, time.UTC).Format("Monday, Jan 02,2006 15:04:05")
		switch i % 4 {
		case 0: // over two lines
			fmt.Fprintf(&b, "[DoS attack: ACK Scan] attack packets in last 20 sec from ip\n[192.0.2.%d], %s\n", i%250, at)
		case 1: // twice the same in one second
			fmt.Fprintf(&b, "[DoS Attack: ICMP Scan] from source: 192.0.2.1, %s\n[DoS Attack: ICMP Scan] from source: 192.0.2.1, %s\n", at, at)
		case 2:
			fmt.Fprintf(&b, "[DoS attack: FIN Scan] attack packets in last 20 sec from ip\n") // its second half is missing
		default:
			fmt.Fprintf(&b, "[UPnP set event: add_nat_rule] from source 192.168.0.100, %s\n", at)
		}
	}
	content := []byte(b.String())
	control := newWorld(t)
	want := control.imports(t, ImportOptions{Files: []string{control.file(t, "router.log", content)}})
	if want.Events != 3000 || want.Rejected != 1000 {
		t.Fatalf("Import() = %+v, want 3000 events and 1000 rejected", want)
	}

	w := newWorld(t, func(c *Config) { c.BatchEvents = 7 })
	path := w.file(t, "router.log", content)
	w.saveEvery = 0
	for i := range 8 {
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(time.Duration(i*i*10+rand.IntN(60))*time.Millisecond, cancel)
		if _, err := w.Import(ctx, ImportOptions{Files: []string{path}}); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		cancel()
	}
	got := w.imports(t, ImportOptions{Files: []string{path}})
	got.Duplicates = 0
	if diff := cmp.Diff(want, got, ignoreSeconds); diff != "" {
		t.Errorf("summary mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(control.tables.ids(), w.tables.ids()); diff != "" {
		t.Errorf("events mismatch (-want +got):\n%.2000s", diff)
	}
	if len(w.tables.rejected) != len(control.tables.rejected) {
		t.Errorf("%d rejected lines and samples, want %d", len(w.tables.rejected), len(control.tables.rejected))
	}
}

// From whichever line on an import resumes, it publishes every event that was
// not safe, with the same ID as ever.
func TestResumeFromEveryLine(t *testing.T) {
	const first, second = "[DoS attack: ACK Scan] attack packets in last 20 sec from ip\n", "[192.0.2.9], Thursday, Jun 03,2010 15:16:19\n"
	const icmp = "[DoS Attack: ICMP Scan] from source: 192.0.2.1, Thursday, Jun 03,2010 15:16:20\n"
	lines := []string{first, second, icmp, icmp, first, icmp, first, second, first}
	content := strings.Join(lines, "")
	control := newWorld(t)
	control.imports(t, ImportOptions{Files: []string{control.file(t, "router.log", []byte(content))}})
	want := control.tables.ids()
	all, err := control.Files(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	path := w.file(t, "router.log", []byte(content))
	files, err := w.openFiles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for i, line := range lines {
		old, err := files.get(t.Context(), all[0].Fingerprint)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			old, err = files.create(t.Context(), all[0])
		}
		if err != nil {
			t.Fatal(err)
		}
		file := all[0]
		file.revision, file.Position, file.Sum, file.Done = old.revision, int64(at), sumTo(t, path, int64(at)), false
		if err := files.put(t.Context(), &file); err != nil {
			t.Fatal(err)
		}
		w.tables.mu.Lock()
		clear(w.tables.events)
		w.tables.mu.Unlock()
		w.imports(t, ImportOptions{Files: []string{path}})
		for id := range w.tables.ids() {
			if !want[id] {
				t.Errorf("resumed at line %d: event %s is new", i+1, id)
			}
		}
		if safe := strings.Count(content[:at], icmp) + strings.Count(content[:at], first+second); len(w.tables.events) < len(want)-safe {
			t.Errorf("resumed at line %d: %d events, want at least the %d that were not safe", i+1, len(w.tables.events), len(want)-safe)
		}
		at += len(line)
	}
}

func sumTo(t *testing.T, path string, at int64) uint64 {
	t.Helper()
	doc, err := input.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer doc.Close()
	sum, ok, err := doc.SumTo(t.Context(), at)
	if err != nil || !ok {
		t.Fatalf("SumTo(%d) = %v, %v", at, ok, err)
	}
	return sum
}

// A file that begins like one whose import was broken off, and goes on otherwise,
// is read in full: what is on the bus is of the other.
func TestResumeAnother(t *testing.T) {
	same := attempts(200)
	other := bytes.ReplaceAll(attempts(3000)[len(same):], []byte("Source:192.0.2."), []byte("Source:203.0.113."))
	w := newWorld(t)
	first := w.file(t, "first.log", attempts(3000))
	w.imports(t, ImportOptions{Files: []string{first}})
	files, err := w.Files(t.Context())
	if err != nil || len(files) != 1 {
		t.Fatalf("Files() = %v, %v", files, err)
	}
	store, err := w.openFiles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stale := files[0]
	files[0].Done = false // all but the last word
	stale.Done, stale.Position = false, 10
	for _, f := range []*File{&files[0], &stale} {
		if err := store.put(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	if stale.Position != files[0].Position || stale.Sum != files[0].Sum {
		t.Fatalf("put() of an import that is behind = %+v, want what was there: %+v", stale, files[0])
	}
	second := w.file(t, "second.log", append(same, other...))
	w.imports(t, ImportOptions{Files: []string{second}})
	if n, _ := w.tables.count(); n != 2910+2910-194 {
		t.Errorf("%d events, want those of both files", n)
	}
}

// An early copy of a file is nothing new, and what is known of the file stays.
func TestEarlyCopy(t *testing.T) {
	w := newWorld(t)
	w.imports(t, ImportOptions{Files: []string{w.file(t, "whole.log", attempts(3000))}})
	want, err := w.Files(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.imports(t, ImportOptions{Files: []string{w.file(t, "early.log", attempts(2000))}})
	got, err := w.Files(t.Context())
	if err != nil || len(got) != 1 || got[0].Position != want[0].Position || got[0].Sum != want[0].Sum || !got[0].Done {
		t.Errorf("Files() = %+v, %v; want %+v", got, err, want)
	}
	if n, _ := w.tables.count(); n != 2910 {
		t.Errorf("%d events, want 2910", n)
	}
}

// A file of nothing but a banner is not every file that begins with it.
func TestBanner(t *testing.T) {
	w := newWorld(t)
	banner := []byte("# firewall log, version 1\n# 2012-04-10\n")
	lines := bytes.SplitAfter(attempts(3000), []byte("\n"))
	var paths []string
	for i, part := range [][][]byte{nil, lines[:1000], lines[1000:2000], lines[2000:]} {
		path := w.file(t, fmt.Sprintf("%d.log", i), append(append([]byte{}, banner...), bytes.Join(part, nil)...))
		w.imports(t, ImportOptions{Files: []string{path}})
		paths = append(paths, path)
	}
	files, err := w.Files(t.Context())
	if err != nil || len(files) != 3 { // the first has grown to the second
		t.Fatalf("Files() = %+v, %v; want three", files, err)
	}
	checked := int64(0)
	for _, f := range files {
		days, err := w.Reread(t.Context(), f, func([]scan.Event) error { return nil })
		if err != nil {
			t.Errorf("Reread(%v) error = %v", f.Paths, err)
		}
		for _, d := range days {
			checked += d.Lines
		}
	}
	if checked != 3*2+3000 {
		t.Errorf("%d lines of %v can be read again, want all", checked, paths)
	}
}
