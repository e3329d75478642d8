package enrich

import (
	"bytes"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/whoknocks/whoknocks/pkg/natsd/natstest"
	"github.com/whoknocks/whoknocks/pkg/scan"
)

// notes collects what is logged.
type notes struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.buf.Write(p)
}

func (n *notes) has(s string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Contains(n.buf.String(), s)
}

// replace puts a new file over an old one, as editors and package managers do.
func replace(t *testing.T, file, body string) {
	t.Helper()
	if err := os.WriteFile(file+".new", []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

// Files that change are in force without a restart; those that are damaged are
// not, and what was read before stays.
func TestReload(t *testing.T) {
	cfg := testConfig(t)
	cfg.Reload = 2 * time.Millisecond
	b := natstest.Connect(t, natstest.Start(t))
	var log notes
	reg := prometheus.NewRegistry()
	s, err := New(cfg, b, slog.New(slog.NewTextHandler(&log, nil)), reg)
	if err != nil {
		t.Fatal(err)
	}
	run(t, s)
	out := read(t, b, "ENRICHED")
	n := 0
	// owner is what an event gets that passes now.
	owner := func(src string) string {
		t.Helper()
		n++
		e := event(src, "2026-07-01")
		e.ID = scan.ID(n)
		publish(t, b, batchOf(e))
		lines := out.wait(t, n)
		var d scan.Decoder
		var got scan.Enriched
		if err := d.Enriched([]byte(lines[n-1]), &got); err != nil {
			t.Fatal(err)
		}
		return got.Owner
	}
	becomes := func(what, src, want string) {
		t.Helper()
		eventually(t, what, func() bool { return owner(src) == want })
	}
	becomes("the rules of the start", "198.51.100.200", "Mine")
	becomes("the data of the start", "192.0.2.1", "Big Telecom")

	replace(t, cfg.Rules[0], strings.Replace(testRules, "name: Mine", "name: Ours", 1))
	becomes("changed rules", "198.51.100.200", "Ours")

	replace(t, cfg.Rules[0], "version: 1\nowners:\n  - name: Broken\n    prefixes: [198.51.100.129/25]\n")
	eventually(t, "a message about damaged rules", func() bool { return log.has("4:16: prefix 198.51.100.129/25 has host bits set") })
	if got := owner("198.51.100.200"); got != "Ours" {
		t.Errorf("with damaged rules the owner is %q, want what was in force", got)
	}
	if err := os.Remove(cfg.Rules[0]); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a message about rules that are gone", func() bool { return log.has("no such file") })
	if got := owner("198.51.100.200"); got != "Ours" {
		t.Errorf("without rules the owner is %q, want what was in force", got)
	}
	replace(t, cfg.Rules[0], testRules)
	becomes("mended rules", "198.51.100.200", "Mine")

	replace(t, cfg.ASN[0], strings.Replace(testASN, `64496,"Example Telecom, Inc."`, `64499,"Example Mobile Ltd"`, 1))
	becomes("new data", "192.0.2.1", "Example Mobile")
	replace(t, cfg.ASN[0], "\x00\x01garbage")
	eventually(t, "a message about damaged data", func() bool { return log.has("no row of the form first,last") })
	if got := owner("192.0.2.1"); got != "Example Mobile" {
		t.Errorf("with damaged data the owner is %q, want what was in force", got)
	}
	if loaded, failed := value(t, reg, "whoknocks_enrich_reloads_total", "outcome=loaded"), value(t, reg, "whoknocks_enrich_reloads_total", "outcome=failed"); loaded != 3 || failed != 3 {
		t.Errorf("%v reloads and %v failures are counted, want 3 and 3", loaded, failed)
	}
}

// A file that is still being written is not read.
func TestReloadWaitsForTheEnd(t *testing.T) {
	cfg := testConfig(t)
	l := newLibrary(cfg, slog.New(slog.DiscardHandler))
	if _, err := l.load(); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if err := os.WriteFile(cfg.ASN[0], []byte(testASN[:20*(i+1)]), 0o600); err != nil {
			t.Fatal(err)
		}
		if k, err := l.reload(); k != nil || err != nil {
			t.Fatalf("reload() of a file that grows = %v, %v", k, err)
		}
	}
	if err := os.WriteFile(cfg.ASN[0], []byte(testASN), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _ = l.reload()
	if k, err := l.reload(); k == nil || err != nil {
		t.Errorf("reload() of a file that has settled = %v, %v", k, err)
	}
	if k, err := l.reload(); k != nil || err != nil {
		t.Errorf("reload() of the same again = %v, %v", k, err)
	}
}

func TestAgeOfData(t *testing.T) {
	cfg := testConfig(t)
	cfg.StaleAfter = 24 * time.Hour
	var log notes
	reg := prometheus.NewRegistry()
	if _, err := New(cfg, nil, slog.New(slog.NewTextHandler(&log, nil)), reg); err != nil {
		t.Fatal(err)
	}
	if !log.has("data=asn as_of=2026-06-17") || !log.has("ip data is stale") {
		t.Errorf("no warning of stale data: %s", log.buf.String())
	}
	if got, want := value(t, reg, "whoknocks_enrich_data_age_seconds", "data=asn"), time.Since(dataDate).Seconds(); got < want-60 || got > want {
		t.Errorf("age of the data is %v s, want %v", got, want)
	}
	if got := value(t, reg, "whoknocks_enrich_data_age_seconds", "data=mmdb"); got != 0 {
		t.Errorf("age of no data is %v s", got)
	}
	var quiet notes
	cfg.StaleAfter = 0
	if _, err := New(cfg, nil, slog.New(slog.NewTextHandler(&quiet, nil)), nil); err != nil {
		t.Fatal(err)
	}
	if quiet.has("stale") {
		t.Error("stale data is warned of though nobody wants to know")
	}
}
