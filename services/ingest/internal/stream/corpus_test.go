package stream

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format"
	"github.com/whoknocks/whoknocks/services/ingest/internal/identity"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// corpus finds the real log files beside the repository.
func corpus(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Skip("no workspace around the test, so no place to look for real logs")
		}
		dir = parent
	}
	logs := filepath.Join(filepath.Dir(dir), "shared", "corpus", "logs")
	if _, err := os.Stat(logs); err != nil {
		t.Skipf("the real logs are not beside the repository: %v", err)
	}
	return logs
}

// tally counts what a file's lines became.
type tally struct {
	Lines, Events, Unrecognised, Rejected int64
	Sources                               int // different public source addresses
}

// expectations reads testdata/corpus, one file for each folder of real logs: what
// each real file holds, counted by hand and grep in the raw files.
func expectations(t *testing.T) map[string]tally {
	t.Helper()
	names, err := filepath.Glob("testdata/corpus/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no testdata/corpus/*.txt: %v", err)
	}
	files := make(map[string]tally)
	for _, name := range names {
		in, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		folder := strings.TrimSuffix(filepath.Base(name), ".txt")
		for line := range strings.Lines(string(in)) {
			if strings.HasPrefix(line, "#") {
				continue
			}
			var c tally
			var file string
			if _, err := fmt.Sscan(line, &c.Lines, &c.Events, &c.Unrecognised, &c.Rejected, &c.Sources, &file); err != nil {
				t.Fatalf("%s: %q: %v", name, line, err)
			}
			files[folder+"/"+file] = c
		}
	}
	return files
}

type tallySink struct {
	t       *testing.T
	sources identity.Addrs
	ids     map[scan.ID]bool
}

func (s *tallySink) Event(ev *scan.Event) error {
	if err := ev.Validate(); err != nil {
		s.t.Errorf("event is not valid: %v: %s", err, ev.AppendJSON(nil))
	}
	if s.ids[ev.ID] {
		s.t.Errorf("ID %s comes twice: %s", ev.ID, ev.AppendJSON(nil))
	}
	s.ids[ev.ID] = true
	if ev.Knock() {
		s.sources.Add(ev.SrcIP)
	}
	return nil
}

func (s *tallySink) Rejected(*scan.Rejected) error { return nil }

// Every line of every real file becomes what it should, and the sums add up.
// Files of other formats give no event at all.
func TestCorpus(t *testing.T) {
	root, files := corpus(t), expectations(t)
	names, err := filepath.Glob(filepath.Join(root, "*", "*.log"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no files in %s: %v", root, err)
	}
	for _, name := range names {
		rel, _ := filepath.Rel(root, name)
		t.Run(rel, func(t *testing.T) {
			in, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			sink := &tallySink{t: t, ids: make(map[scan.ID]bool)}
			s := feed(t, Config{Sensor: "home", Name: rel, Join: true, Daily: true, Reference: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}, sink, string(in))
			c := s.Counts()
			got := tally{c.Lines, c.Events, c.Unrecognised, c.Rejected, sink.sources.Len()}
			if got.Lines != got.Events+got.Unrecognised+got.Rejected {
				t.Errorf("%v: does not add up", c)
			}
			want, ok := files[filepath.ToSlash(rel)]
			if !ok {
				want = tally{Lines: got.Lines, Unrecognised: got.Lines}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("lines of %s mismatch (-want +got):\n%s", rel, diff)
			}
			var days Counts
			s.Days(func(_ string, c Counts) { days.Add(c) })
			if days != c {
				t.Errorf("days sum up to %v, want %v", days, c)
			}
		})
	}
}

// No line is claimed by two formats, so that the order in which they are tried
// changes nothing.
func TestCorpusOneClaim(t *testing.T) {
	names, _ := filepath.Glob(filepath.Join(corpus(t), "*", "*.log"))
	for _, name := range names {
		in, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var header *envelope.Header
		for line := range strings.Lines(string(in)) {
			var claims []string
			under := header
			for _, f := range format.All() {
				var l envelope.Line
				var ev scan.Event
				envelope.Unwrap(Text(strings.TrimSuffix(line, "\n")), &l)
				l.Header = under
				err := f.Parse(&l, &ev)
				if l.Header != under {
					header = l.Header
				}
				if !errors.Is(err, parse.ErrNotMine) {
					claims = append(claims, f.Name)
				}
			}
			if len(claims) > 1 {
				t.Errorf("%v claim %q", claims, line)
			}
		}
	}
}

// feed reads a whole text.
func feed(t *testing.T, cfg Config, sink Sink, text string) *Stream {
	t.Helper()
	s, err := New(cfg, sink)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	n := int64(0)
	for line := range strings.Lines(text) {
		n++
		if err := s.Line(strings.TrimSuffix(line, "\n"), n, now); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(now); err != nil {
		t.Fatal(err)
	}
	return s
}
