package ingest

import (
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

	"github.com/whoknocks/whoknocks/pkg/bus"
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
	for range 8 {
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(time.Duration(rand.IntN(60))*time.Millisecond, cancel)
		if _, err := w.Import(ctx, ImportOptions{Files: []string{path}}); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		cancel()
	}
	// At every single position the file may have been left at, too.
	files, err := w.Files(t.Context())
	if err != nil || len(files) != 1 {
		t.Fatalf("Files() = %v, %v", files, err)
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
		file := all[0]
		file.Position, file.Done = int64(at), false
		if err := files.put(t.Context(), file); err != nil {
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
