package standalone_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/services/standalone/internal/chdb"
)

// BenchmarkPeers times whole processes on one generated netfilter log, in turn:
// `whoknocks import` until every event can be queried, and the two programs of
// Debian that summarise such logs, fwlogwatch (sum by source, destination,
// protocol and port) and psad in its analysis mode. It reports the seconds of
// each and how many times longer than whoknocks a peer took; one that is not
// installed is left out. To repeat it:
//
//	apt-get install fwlogwatch psad
//	make bench PKG=./services/standalone/ BENCH=Peers
//
// WHOKNOCKS_BENCH_LINES and WHOKNOCKS_BENCH_KEYS say how many lines the log has
// and how many different sources, by default 100,000 and 10,000. With a million
// lines fwlogwatch's time grows with their product.
func BenchmarkPeers(b *testing.B) {
	if _, err := chdb.Find(); err != nil {
		b.Skipf("the embedded engine is not here: %v", err)
	}
	whoknocks, err := binary()
	if err != nil {
		b.Fatal(err)
	}
	lines, keys := number(b, "WHOKNOCKS_BENCH_LINES", 100_000), number(b, "WHOKNOCKS_BENCH_KEYS", 10_000)
	log := filepath.Join(b.TempDir(), "router.log")
	writeKeys(b, log, lines, keys)
	seconds := map[string]float64{}
	for b.Loop() {
		for _, c := range []struct {
			name, path string
			args       []string
		}{
			{"whoknocks", whoknocks, []string{"import", "--data", b.TempDir(), "--set", "enrich.whois.enabled=false", "--timezone", "UTC", "--json", log}},
			{"fwlogwatch", "fwlogwatch", []string{"-P", "n", "-p", "-d", log}},
			{"psad", "psad", []string{"-A", "-m", log, "--no-whois", "--no-snort-sids"}},
		} {
			if _, err := exec.LookPath(c.path); err != nil {
				b.Logf("%s is not installed: left out", c.name)
				continue
			}
			began := time.Now()
			if out, err := exec.CommandContext(b.Context(), c.path, c.args...).CombinedOutput(); err != nil {
				b.Fatalf("%s: %v\n%s", c.name, err, out)
			}
			seconds[c.name] += time.Since(began).Seconds()
		}
	}
	for name, s := range seconds {
		b.ReportMetric(s/float64(b.N), name+"-s")
		if name != "whoknocks" {
			b.ReportMetric(s/seconds["whoknocks"], name+"/whoknocks")
		}
	}
	b.ReportMetric(0, "ns/op") // the sum of the three says nothing
}

func number(b *testing.B, name string, otherwise int) int {
	b.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		b.Fatalf("%s=%q: want a number", name, text)
	}
	return n
}

// writeKeys writes a log of a day in which keys sources knock in turn.
func writeKeys(b *testing.B, path string, lines, keys int) {
	b.Helper()
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	for i := range lines {
		at := time.Date(2026, 6, 8, 0, 0, i*80_000/lines, 0, time.UTC).Format(time.Stamp)
		k := i % keys
		fmt.Fprintf(w, "%s gateway kernel: [50028442.%06d] [UFW BLOCK] IN=enp1s0 OUT= MAC=00:00:5e:00:53:01:00:00:5e:00:53:02:08:00 SRC=%d.%d.%d.%d DST=203.0.113.9 LEN=40 TOS=0x00 PREC=0x00 TTL=245 ID=%d PROTO=TCP SPT=%d DPT=%d WINDOW=1024 RES=0x00 SYN URGP=0\n",
			at, i%1_000_000, 20+k>>24, k>>16&255, k>>8&255, k&255, i%65536, 1024+i%50000, i%1000+1)
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}
