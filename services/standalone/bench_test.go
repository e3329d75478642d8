package standalone_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/services/standalone/internal/chdb"
)

// BenchmarkImport measures a log file until every event of it can be queried,
// through the whole standalone: parsed, on fsynced streams, enriched, and in
// ClickHouse by fsynced inserts. One iteration is one import into an empty data
// directory. WHOKNOCKS_BENCH_LINES says how many lines the log has, by default
// 300,000. It reports events/s of the import itself, and apart from that how
// long the process takes in all, with the start of the engine and the loading
// of the IP data.
func BenchmarkImport(b *testing.B) {
	if _, err := chdb.Find(); err != nil {
		b.Skipf("the embedded engine is not here: %v", err)
	}
	name, err := binary()
	if err != nil {
		b.Fatal(err)
	}
	lines := number(b, "WHOKNOCKS_BENCH_LINES", 300_000)
	content := netfilterLog(lines)
	log := filepath.Join(b.TempDir(), "router.log")
	if err := os.WriteFile(log, content, 0o600); err != nil {
		b.Fatal(err)
	}
	// The import waits for its own writes, not for those of the log and of the build.
	syscall.Sync()
	b.SetBytes(int64(len(content)))
	var seconds float64
	for b.Loop() {
		cmd := exec.Command(name, "import", "--data", b.TempDir(), "--set", "enrich.whois.enabled=false", "--timezone", "UTC", "--json", log)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			b.Fatal(err)
		}
		var sum summary
		if err := json.Unmarshal(out, &sum); err != nil {
			b.Fatal(err)
		}
		if sum.Events != int64(lines) || sum.Duplicates != 0 {
			b.Fatalf("import = %+v, want %d events", sum, lines)
		}
		seconds += sum.Seconds
	}
	b.ReportMetric(float64(lines)*float64(b.N)/seconds, "events/s")
	b.ReportMetric(seconds/float64(b.N), "s/import")
}

// BenchmarkSyslog measures one syslog packet over UDP to a quiet serve until it can be
// queried: parsed, on fsynced streams, enriched, inserted with fsync. It asks every
// 2 ms and reports the median, the 99th percentile and the largest in ms; run it
// with -benchtime 200x.
func BenchmarkSyslog(b *testing.B) {
	if _, err := chdb.Find(); err != nil {
		b.Skipf("the embedded engine is not here: %v", err)
	}
	data, syslog := b.TempDir(), freePort(b)
	serve(b, data, "--timezone", "UTC", "--set", "ingest.syslog_udp="+syslog, "--set", "ingest.syslog_tcp=")
	text, err := os.ReadFile(filepath.Join(data, "endpoints.json"))
	if err != nil {
		b.Fatal(err)
	}
	var endpoints struct{ ClickHouse string }
	if err := json.Unmarshal(text, &endpoints); err != nil {
		b.Fatal(err)
	}
	sql, err := url.Parse(endpoints.ClickHouse)
	if err != nil {
		b.Fatal(err)
	}
	sql.RawQuery = "database=" + strings.Trim(sql.Path, "/")
	sql.Path = "/"
	count := func() string {
		resp, err := http.Post(sql.String(), "text/plain", strings.NewReader("SELECT count() FROM events"))
		if err != nil {
			b.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			b.Fatalf("%s: %s, %v", resp.Status, body, err)
		}
		return strings.TrimSpace(string(body))
	}
	conn, err := net.Dial("udp", syslog)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	var took []time.Duration
	for b.Loop() {
		time.Sleep(200 * time.Millisecond) // until all is quiet
		sent := time.Now()
		if _, err := fmt.Fprintf(conn, "<4>%s router kernel: DROP IN=eth0 OUT= SRC=198.51.100.7 DST=192.0.2.1 LEN=40 TTL=50 ID=%d PROTO=TCP SPT=40000 DPT=23 WINDOW=1024 RES=0x00 SYN URGP=0",
			sent.UTC().Format(time.Stamp), len(took)); err != nil {
			b.Fatal(err)
		}
		for want := fmt.Sprint(len(took) + 1); count() != want; time.Sleep(2 * time.Millisecond) {
			if time.Since(sent) > time.Minute {
				b.Fatal("the packet is not in the table after a minute")
			}
		}
		took = append(took, time.Since(sent))
	}
	slices.Sort(took)
	for name, rank := range map[string]int{"median-ms": len(took) / 2, "p99-ms": (len(took)*99 - 1) / 100, "max-ms": len(took) - 1} {
		b.ReportMetric(float64(took[rank].Microseconds())/1000, name)
	}
	b.ReportMetric(0, "ns/op")
}
