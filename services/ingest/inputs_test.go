package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

// letter is a mail as a router writes it.
func letter(date, body string) string {
	return "From: router@example.net\r\nTo: owner@example.net\r\nSubject: log\r\nDate: " + date + "\r\nContent-Type: text/plain\r\n\r\n" + body
}

// A router mails its log, the newest line first, and each mail overlaps with the
// one before; its clock was not set for a while, so that the mail's date counts.
func TestImportMails(t *testing.T) {
	w := newWorld(t)
	const (
		a = "[DoS Attack: RST Scan] from source: 192.0.2.1, port 443, Tuesday, February 14, 2012 10:00:01"
		b = "[DoS Attack: RST Scan] from source: 192.0.2.2, port 443, Tuesday, February 14, 2012 10:00:02"
		c = "[DoS Attack: RST Scan] from source: 192.0.2.3, port 443, Wednesday, February 15, 2012 10:00:03"
		u = "[DoS Attack: RST Scan] from source: 192.0.2.4, port 443, Wednesday, January 01, 2003 00:00:09"
	)
	first := letter("Tue, 14 Feb 2012 12:00:00 +0100", b+"\r\n"+a+"\r\n")
	third := letter("Thu, 16 Feb 2012 12:00:00 +0100", c+"\r\n"+u+"\r\n")
	second := letter("Wed, 15 Feb 2012 12:00:00 +0100", c+"\r\n"+u+"\r\n"+b+"\r\n")
	box := "From router Tue Feb 14 12:00:00 2012\n" + strings.ReplaceAll(first, "\r\n", "\n") +
		"\nFrom router Wed Feb 15 12:00:00 2012\n" + strings.ReplaceAll(second, "\r\n", "\n")
	sum := w.imports(t, ImportOptions{Timezone: "UTC", Files: []string{w.file(t, "inbox", []byte(box)), w.file(t, "1.eml", []byte(first)), w.file(t, "2.eml.gz", gz(t, []byte(second)))}})
	if sum.Events != 10 {
		t.Errorf("Import() = %+v, want 10 events with repeats", sum)
	}
	w.imports(t, ImportOptions{Files: []string{w.file(t, "3.eml", []byte(third))}})
	times := map[string]time.Time{}
	for _, ev := range w.tables.events {
		if at, ok := times[ev.SrcIP.String()]; ok && !at.Equal(ev.Time) {
			t.Errorf("event of %s is of %v and of %v", ev.SrcIP, at, ev.Time)
		}
		times[ev.SrcIP.String()] = ev.Time
	}
	if n, _ := w.tables.count(); n != 4 {
		t.Errorf("%d different events, want 4", n)
	}
	if got, want := times["192.0.2.4"], time.Date(2012, 2, 15, 11, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("the line of the clock that was not set is of %v, want the mail's date %v", got, want)
	}
	// Every mail can be read again.
	files, err := w.Files(t.Context())
	if err != nil || len(files) != 3 {
		t.Fatalf("Files() = %v, %v; want three texts", files, err)
	}
	for _, f := range files {
		n := 0
		if _, err := w.Reread(t.Context(), f, func(events []scan.Event) error {
			for _, ev := range events {
				if n++; !ev.Time.Equal(times[ev.SrcIP.String()]) {
					t.Errorf("read again, event of %s is of %v, not %v", ev.SrcIP, ev.Time, times[ev.SrcIP.String()])
				}
			}
			return nil
		}); err != nil || n == 0 {
			t.Errorf("Reread(%v) = %d events, %v", f.Paths, n, err)
		}
	}
}

// A directory is read with all below it, rotated files from the oldest on; what
// is no log is passed over.
func TestImportDirectory(t *testing.T) {
	w := newWorld(t)
	lines := bytes.SplitAfter(attempts(300), []byte("\n"))
	dir := filepath.Join(w.dir, "logs")
	put := func(name string, content []byte) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("router.log", bytes.Join(lines[200:], nil))
	put("router.log.1", bytes.Join(lines[100:200], nil))
	put("router.log.2.gz", gz(t, bytes.Join(lines[:100], nil)))
	put("sub/empty.log", nil)
	put("sub/photo.jpg", bytes.Repeat([]byte("\x00\x01\xff\n"), 100))
	put(".hidden/router.log", []byte("not read\n"))
	sum := w.imports(t, ImportOptions{Files: []string{dir}})
	want := []string{"photo.jpg", "router.log.2.gz", "router.log.1", "router.log"}
	got := sum.Origins
	if diff := cmp.Diff(append(want[1:], want[0]), got); diff != "" {
		t.Errorf("files read mismatch (-want +got):\n%s", diff)
	}
	if sum.Skipped != 1 {
		t.Errorf("Skipped = %d, want the photo", sum.Skipped)
	}
	whole := newWorld(t)
	all := whole.imports(t, ImportOptions{Files: []string{whole.file(t, "all.log", bytes.Join(lines, nil))}})
	if diff := cmp.Diff(whole.tables.ids(), w.tables.ids()); diff != "" || sum.Events != all.Events {
		t.Errorf("events of rotated files mismatch (-whole +parts):\n%s", diff)
	}
	again := w.imports(t, ImportOptions{Files: []string{filepath.Join(dir, "router.log*")}})
	if again.Events != all.Events || again.Duplicates != all.Events {
		t.Errorf("a pattern over the same files = %+v, want duplicates only", again)
	}
}

// Any split, order, overlap, repetition and compression of a log, with imports
// that are broken off in between, gives the same events.
func TestImportProperty(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for round := range 5 {
		content, starts := repeats(r, 2000)
		whole := newWorld(t)
		whole.imports(t, ImportOptions{Files: []string{whole.file(t, "all.log", content)}})
		if n, lines := len(whole.tables.ids()), bytes.Count(content, []byte("\n")); n != lines {
			t.Fatalf("round %d of seed %d: %d different events of %d lines", round, seed, n, lines)
		}
		w := newWorld(t)
		var names []string
		// What covers the log at least once, cut where a second begins: which of two
		// equal lines of one second a file begins with, nothing tells.
		cuts := []int{0}
		for cuts[len(cuts)-1] < len(starts)-1 {
			cuts = append(cuts, min(len(starts)-1, cuts[len(cuts)-1]+1+r.IntN(len(starts)/3)))
		}
		for i := range len(cuts) - 1 {
			from := max(0, cuts[i]-r.IntN(50)*r.IntN(2)) // half of them overlap
			part := content[starts[from]:starts[cuts[i+1]]]
			name := fmt.Sprintf("part%d.log", i)
			if r.IntN(3) == 0 {
				name, part = name+".gz", gz(t, part)
			}
			names = append(names, w.file(t, name, part))
		}
		names = append(names, names[r.IntN(len(names))])
		r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		for _, name := range names {
			if r.IntN(2) == 0 { // broken off, somewhere
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(r.IntN(5000))*time.Microsecond)
				if _, err := w.Import(ctx, ImportOptions{Files: []string{name}}); err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Fatal(err)
				}
				cancel()
			}
		}
		w.imports(t, ImportOptions{Files: names})
		if diff := cmp.Diff(whole.tables.ids(), w.tables.ids()); diff != "" {
			t.Fatalf("round %d of seed %d: events mismatch (-whole +parts):\n%s", round, seed, diff)
		}
	}
}

// repeats makes a log with true repeats within a second, and where each second
// begins in it, and its end.
func repeats(r *rand.Rand, n int) (content []byte, starts []int) {
	at := time.Date(2026, 6, 8, 14, 0, 0, 0, time.UTC)
	var b bytes.Buffer
	for b.Len() == 0 || n > 0 {
		starts = append(starts, b.Len())
		at = at.Add(time.Duration(1+r.IntN(3)) * time.Second)
		for range 1 + r.IntN(8) {
			n--
			fmt.Fprintf(&b, "%s - UDP Packet - Source:192.0.2.%d,3478 Destination:198.51.100.9,1033 - [DOS]\n",
				at.Format("Mon, 2006-01-02 15:04:05"), r.IntN(3))
		}
	}
	return b.Bytes(), append(starts, b.Len())
}

// A log of years without a year in any line, rotated and grown.
func TestImportYears(t *testing.T) {
	w := newWorld(t)
	var lines []string
	var want []time.Time
	for at := time.Date(2008, 6, 1, 12, 0, 0, 0, time.UTC); at.Before(time.Date(2012, 4, 30, 0, 0, 0, 0, time.UTC)); at = at.Add(50 * time.Hour) {
		lines = append(lines, fmt.Sprintf("%s gw kernel: DROP IN=ppp0 OUT= MAC= SRC=192.0.2.%d DST=198.51.100.9 LEN=40 PROTO=TCP SPT=%d DPT=23 WINDOW=1 RES=0x00 SYN URGP=0 \n",
			at.Format(time.Stamp), len(lines)%250, 1024+len(lines)))
		want = append(want, at)
	}
	half := len(lines) / 2
	w.imports(t, ImportOptions{Files: []string{w.file(t, "messages", []byte(strings.Join(lines, "")))}})
	check := func(n int) {
		t.Helper()
		if len(w.tables.events) != n {
			t.Errorf("%d events, want %d", len(w.tables.events), n)
		}
		for _, ev := range w.tables.events {
			if i := int(ev.SrcPort.V) - 1024; !ev.Time.Equal(want[i]) {
				t.Fatalf("line %d is of %v, want %v", i, ev.Time, want[i])
			}
		}
	}
	check(len(lines))

	w = newWorld(t)
	path := w.file(t, "messages", []byte(strings.Join(lines[:half], "")))
	at := want[half-1].Add(time.Hour)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
	w.imports(t, ImportOptions{Files: []string{path}})
	w.imports(t, ImportOptions{Files: []string{w.file(t, "messages", []byte(strings.Join(lines, "")))}})
	check(len(lines))
}

// Two logs that begin in the same way, with a header, are two logs, also after
// the first was imported when it held the header only.
func TestImportSameHeader(t *testing.T) {
	w := newWorld(t)
	const header = "#Version: 1.5\n#Fields: date time action protocol src-ip dst-ip src-port dst-port size tcpflags\n"
	body := func(host int) string {
		var b strings.Builder
		for i := range 20 {
			fmt.Fprintf(&b, "2026-02-02 01:26:%02d DROP TCP 192.0.2.%d 198.51.100.9 60346 %d 44 S\n", i, host, i+1)
		}
		return b.String()
	}
	path := w.file(t, "pfirewall.log", []byte(header))
	w.imports(t, ImportOptions{Files: []string{path}})
	w.imports(t, ImportOptions{Files: []string{w.file(t, "pfirewall.log", []byte(header+body(1)))}})
	w.imports(t, ImportOptions{Files: []string{w.file(t, "other.log", []byte(header+body(2)))}})
	if n, _ := w.tables.count(); n != 40 {
		t.Errorf("%d events, want 20 of each log", n)
	}
}

// A format of the user's own is found beside the others, or alone by its name.
func TestImportOwnFormat(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(file, []byte(`version: 1
formats:
  - name: mine
    patterns:
      - regex: '^REFUSED (?P<src_ip>\S+) (?P<dst_port>\d+)$'
`), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(c *Config) { c.Formats = []string{file} })
	path := w.file(t, "own.log", []byte("REFUSED 192.0.2.7 23\n"+knock(1)+"REFUSED 192.0.2.8 24\nhello\n"))
	if sum := w.imports(t, ImportOptions{Files: []string{path}}); sum.Events != 3 || sum.Formats["mine"].Events != 2 {
		t.Errorf("Import() = %+v, want two events of the user's format and one other", sum)
	}
	if sum := w.imports(t, ImportOptions{Files: []string{path}, Format: "mine", Sensor: "office"}); sum.Events != 2 {
		t.Errorf("Import() by name = %+v, want two events", sum)
	}
	if x, err := Explain("REFUSED 192.0.2.7 23", ExplainOptions{Formats: []string{file}}); err != nil || x.Format != "mine" {
		t.Errorf("Explain() = %+v, %v", x, err)
	}
	cfg := DefaultConfig()
	cfg.Formats = []string{file + ".gone"}
	if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "mine.yaml.gone") {
		t.Errorf("Validate() without the file = %v", err)
	}
}
