package standalone_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

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
