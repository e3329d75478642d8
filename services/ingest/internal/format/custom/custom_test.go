package custom

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whoknocks/whoknocks/services/ingest/internal/parse/parsetest"
)

const example = `version: 1
formats:
  - name: my-router
    patterns:
      - regex: '^(?P<time>\d+/\d+/\d+ \d+:\d+:\d+) (?P<verdict>\w+) (?P<proto>\w+) (?P<src_ip>\S+):(?P<src_port>\d+) to (?P<dst_ip>\S+):(?P<dst_port>\d+)(?: flags (?P<tcp_flags>\S+))?'
      - grok: 'PING %{DATA:src_ip} to %{IP:dst_ip}'
        set: {proto: icmp, icmp_type: "8", verdict: drop}
    time: "06/01/02 15:04:05"
    verdicts: {BLOCKED: drop, WAVED: allow}
    samples:
      - line: "26/06/08 14:00:01 BLOCKED TCP 192.0.2.7:40000 to 198.51.100.9:23 flags SYN"
        event: {verdict: drop, src_ip: 192.0.2.7, dst_port: "23", tcp_flags: S, time: "2026 Jun 08 14:00:01"}
      - line: "PING 192.0.2.8 to 198.51.100.9"
        event: {proto: icmp, icmp_type: "8", direction: in}
`

func write(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "formats.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func formats(t testing.TB) []*Format {
	t.Helper()
	out, err := Load(write(t, example))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestParse(t *testing.T) {
	f := formats(t)[0]
	parsetest.Golden(t, f.Parse)
}

func TestLoadBad(t *testing.T) {
	f := func(change, into, want string) {
		t.Helper()
		text := strings.Replace(example, change, into, 1)
		if text == example {
			t.Fatalf("%q is not in the example", change)
		}
		if _, err := Load(write(t, text)); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "formats.yaml") {
			t.Errorf("Load() with %q = %v, want %q", into, err, want)
		}
	}
	f("version: 1", "version: 2", "version is 2")
	f("patterns:", "pattern:", "4:5: ")
	f("    time:", "   time:", ":")
	f("my-router", "My Router", "the name must")
	f("(?P<src_ip>", "(?P<source>", `group "source" is no key`)
	f("(?P<src_ip>\\S+)", "\\S+", "no group src_ip")
	f("(?P<proto>", "(?P<proto", "error parsing regexp")
	f("%{IP:dst_ip}", "%{NOSUCH:dst_ip}", "pattern 2")
	f("- grok:", "- grok: 'x'\n        regex:", "pattern 2: want either")
	f("icmp_type: \"8\", verdict", "src_ip: \"8\", verdict", "cannot be set")
	f("BLOCKED: drop", "BLOCKED: lost", "none of drop")
	f("dst_port: \"23\"", "dst_port: \"24\"", `dst_port is "23", want "24"`)
	f("PING 192.0.2.8", "PONG 192.0.2.8", "sample 2")
	if _, err := Load("/nonexistent/x.yaml"); err == nil || !strings.Contains(err.Error(), "x.yaml") {
		t.Errorf("Load() of nothing = %v", err)
	}
	if _, err := Load(write(t, example), write(t, example)); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("Load() of the same twice = %v", err)
	}
}

func FuzzParse(f *testing.F) { parsetest.Fuzz(f, formats(f)[0].Parse) }

// No file makes loading panic.
func FuzzLoad(f *testing.F) {
	f.Add(example)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(dir, "formats.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _ = Load(path)
	})
}

func BenchmarkParse(b *testing.B) { parsetest.Bench(b, formats(b)[0].Parse) }
