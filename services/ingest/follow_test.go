package ingest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// following runs a world that follows and takes dropped files, until stop.
func following(t *testing.T, w *world) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	// Run is called once of a service: this is another on the same bus.
	s, err := New(w.cfg, w.bus, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.saveEvery = 10 * time.Millisecond
	go func() { done <- s.Run(ctx) }()
	stopped := false
	stop = func() {
		t.Helper()
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run() = %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func followWorld(t *testing.T) (w *world, path string) {
	t.Helper()
	dir := t.TempDir()
	path = filepath.Join(dir, "router.log")
	w = newWorld(t, func(c *Config) {
		c.Follow, c.Drop = []string{path}, filepath.Join(dir, "drop")
		c.Poll, c.Quiet = 10*time.Millisecond, 30*time.Millisecond
	})
	return w, path
}

// knock is the i-th line of a log.
func knock(i int) string {
	at := time.Date(2026, 6, 8, 0, 0, i/3, 0, time.UTC) // true repeats within a second
	return fmt.Sprintf("%s - UDP Packet - Source:192.0.2.%d,3478 Destination:198.51.100.9,1033 - [DOS]\n", at.Format("Mon, 2006-01-02 15:04:05"), i/2%200+1)
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func (w *world) wait(t *testing.T, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d events", n), func() bool { got, _ := w.tables.count(); return got == n })
}

func TestFollow(t *testing.T) {
	w, path := followWorld(t)
	stop := following(t, w)
	n := 0
	lines := func(count int) (text string) {
		for range count {
			text += knock(n)
			n++
		}
		return text
	}
	appendTo(t, path, lines(3)) // it appears
	w.wait(t, 3)
	half := lines(1)
	appendTo(t, path, half[:40]) // a line without its ending waits
	time.Sleep(50 * time.Millisecond)
	w.wait(t, 3)
	appendTo(t, path, half[40:])
	w.wait(t, 4)

	// Rotated by rename while it grows: the last lines of the old file count.
	old, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	n = 100
	late := lines(5)
	if _, err := old.WriteString(late); err != nil {
		t.Fatal(err)
	}
	appendTo(t, path, lines(5))
	w.wait(t, 14)

	// Truncated: it starts anew.
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	n = 200
	appendTo(t, path, lines(2))
	w.wait(t, 16)

	// Stopped and started again, it goes on where it was.
	stop()
	appendTo(t, path, lines(7))
	_, came := w.tables.count()
	following(t, w)
	w.wait(t, 23)
	if _, again := w.tables.count(); again-came != 7 {
		t.Errorf("%d events came after the start, want the 7 new ones", again-came)
	}
}

// A file that begins as another one did is read all the same: what the first has
// of it was only safe as far as its head told.
func TestFollowSameHeader(t *testing.T) {
	w, path := followWorld(t)
	stop := following(t, w)
	appendTo(t, path, knock(0))
	w.wait(t, 1)
	for i := 1; i < 20; i++ {
		appendTo(t, path, knock(i))
	}
	w.wait(t, 20)
	stop()
	other := knock(0)
	for i := 100; i < 140; i++ {
		other += knock(i)
	}
	w.imports(t, ImportOptions{Files: []string{w.file(t, "other.log", []byte(other))}})
	w.wait(t, 60)
}

func TestDropFolder(t *testing.T) {
	w, _ := followWorld(t)
	drop := w.cfg.Drop
	if err := os.MkdirAll(filepath.Join(drop, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	stop := following(t, w)
	var text string
	for i := range 10 {
		text += knock(i)
	}
	if err := os.WriteFile(filepath.Join(drop, "a.log.gz"), gz(t, []byte(text)), 0o600); err != nil {
		t.Fatal(err)
	}
	w.wait(t, 10)
	if err := os.WriteFile(filepath.Join(drop, "sub", "b.eml"), []byte(letter("Tue, 14 Feb 2012 12:00:00 +0100", knock(500))), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(drop, "noise.bin"), []byte("\x00\x01\x02\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.wait(t, 11)
	appendTo(t, filepath.Join(drop, "c.log"), knock(600))
	w.wait(t, 12)
	appendTo(t, filepath.Join(drop, "c.log"), knock(601)) // it has changed
	w.wait(t, 13)
	stop()
	if n := testutil.ToFloat64(w.metrics.documents.WithLabelValues("failed")); n != 0 {
		t.Errorf("%v files failed", n)
	}
}

// A writer that appends, rotates, pauses and is followed by a service that is
// stopped and started: every line counts, once. The pattern fits the rotated files,
// too: what was renamed while nobody looked is known by no other name.
func TestFollowTorture(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	w, path := followWorld(t)
	w.cfg.Follow = []string{path + "*"}
	stop := following(t, w)
	n, rotated := 0, 0
	for range 120 {
		switch p := r.IntN(20); {
		case p < 14:
			text := ""
			for range 1 + r.IntN(30) {
				text += knock(3 * n) // no two files share a second
				n++
			}
			cut := r.IntN(len(text))
			appendTo(t, path, text[:cut])
			appendTo(t, path, text[cut:])
		case p < 17:
			if err := os.Rename(path, fmt.Sprintf("%s.%d", path, rotated)); err == nil {
				rotated++
			}
			eventually(t, "the old file read", func() bool { got, _ := w.tables.count(); return got == n })
		case p < 18:
			stop()
			stop = following(t, w)
		default:
			time.Sleep(time.Duration(r.IntN(15)) * time.Millisecond)
		}
	}
	w.wait(t, n)
	stop()
	if got := len(w.tables.ids()); got != n {
		t.Errorf("%d different events of %d lines, seed %d", got, n, seed)
	}
}

// A new log may begin as the old one did: with a banner of a line, or of more
// than a head.
func TestFollowBanner(t *testing.T) {
	f := func(banner string) {
		t.Helper()
		w, path := followWorld(t)
		following(t, w)
		appendTo(t, path, banner)
		time.Sleep(60 * time.Millisecond) // it is opened with nothing but the banner
		for i := range 50 {
			appendTo(t, path, knock(i))
		}
		w.wait(t, 50)
		time.Sleep(60 * time.Millisecond) // its position is kept
		if err := os.Rename(path, path+".1"); err != nil {
			t.Fatal(err)
		}
		appendTo(t, path, banner)
		time.Sleep(120 * time.Millisecond)
		for i := 300; i < 320; i++ {
			appendTo(t, path, knock(i))
		}
		w.wait(t, 70)
	}
	f("log opened by the firewall\n")
	f(strings.Repeat("a line of a banner that is always the same\n", 120))
}

// A line of which an import has seen half counts once it is whole.
func TestFollowHalfLine(t *testing.T) {
	w, path := followWorld(t)
	last := knock(1)
	appendTo(t, path, knock(0)+last[:30])
	w.imports(t, ImportOptions{Files: []string{path}})
	w.wait(t, 1)
	appendTo(t, path, last[30:]+knock(2))
	following(t, w)
	w.wait(t, 3)
}

// Truncated within a line, whose copy has all of it.
func TestFollowCopyTruncate(t *testing.T) {
	w, path := followWorld(t)
	w.cfg.Follow = []string{path + "*"}
	following(t, w)
	half := knock(1)
	appendTo(t, path, knock(0)+half[:40])
	w.wait(t, 1)
	if err := os.WriteFile(path+".1", []byte(knock(0)+half), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	w.wait(t, 2)
	time.Sleep(100 * time.Millisecond)
	w.tables.mu.Lock()
	defer w.tables.mu.Unlock()
	if len(w.tables.rejected) > 0 {
		t.Errorf("the half line counts besides the whole one: %d", len(w.tables.rejected))
	}
}

// A pattern may fit the compressed files of a rotation.
func TestFollowCompressed(t *testing.T) {
	w, path := followWorld(t)
	w.cfg.Follow = []string{path + "*"}
	text := ""
	for i := range 40 {
		text += knock(i)
	}
	if err := os.WriteFile(path+".2.gz", gz(t, []byte(text)), 0o600); err != nil {
		t.Fatal(err)
	}
	following(t, w)
	w.wait(t, 40)
	if n := len(w.tables.rejected); n > 0 {
		t.Errorf("compressed data is read as %d lines", n)
	}
}

// What appears and is renamed out of the pattern while the bus is away is read.
func TestFollowBusAway(t *testing.T) {
	w, path := followWorld(t)
	w.cfg.Follow = []string{filepath.Join(filepath.Dir(path), "*.log")}
	following(t, w)
	appendTo(t, path, knock(0))
	w.wait(t, 1)
	start := w.stopBus(t)
	other := filepath.Join(filepath.Dir(path), "other.log")
	appendTo(t, other, knock(200))
	time.Sleep(400 * time.Millisecond) // longer than a search takes to begin
	if err := os.Rename(other, other+".1"); err != nil {
		t.Fatal(err)
	}
	start()
	w.wait(t, 2)
}

// A service that starts again publishes nothing of the drop folder.
func TestDropRestart(t *testing.T) {
	w, _ := followWorld(t)
	if err := os.MkdirAll(w.cfg.Drop, 0o700); err != nil {
		t.Fatal(err)
	}
	appendTo(t, filepath.Join(w.cfg.Drop, "a.log"), knock(0)+knock(1))
	stop := following(t, w)
	w.wait(t, 2)
	stop()
	_, came := w.tables.count()
	stop = following(t, w)
	appendTo(t, filepath.Join(w.cfg.Drop, "b.log"), knock(2))
	w.wait(t, 3)
	stop()
	if _, again := w.tables.count(); again != came+1 {
		t.Errorf("%d events came after the start, want the new one", again-came)
	}
}
