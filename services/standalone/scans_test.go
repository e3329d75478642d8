package standalone_test

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/enrich"
	"github.com/whoknocks/whoknocks/services/ingest"
)

// inside is an address of the lab in which the scans were made: from outside they
// would have had a public one.
var inside = regexp.MustCompile(`SRC=(?:10\.\d+|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d+\.\d+`)

// Scans that were made by known means in a lab, and logged by netfilter: whatever
// is not told must be unknown, never somebody's reply. A packet to a high UDP port
// and a protocol without a rule tell nothing by themselves.
func TestLabelledScans(t *testing.T) {
	folder := filepath.Join("..", "..", "..", "shared", "corpus", "logs", "netfilter")
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("the recorded logs are not here: %v", err)
	}
	cfg := enrich.DefaultConfig()
	cfg.WHOIS.Enabled = false
	cfg.Rules, cfg.Research, cfg.ASN, cfg.Country = []string{enrich.None}, []string{enrich.None}, []string{enrich.None}, []string{enrich.None}
	known, err := enrich.New(cfg, nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	all, told := 0, 0
	f := func(name string, want int) {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Error(err)
			return
		}
		n := 0
		for lines := bufio.NewScanner(bytes.NewReader(inside.ReplaceAll(data, []byte("SRC=198.51.100.7")))); lines.Scan(); {
			e, err := ingest.Explain(lines.Text(), ingest.ExplainOptions{Sensor: "lab", Format: "auto", Timezone: "UTC"})
			if err != nil || e.Outcome != ingest.OutcomeEvent {
				t.Errorf("%s: %q: %v, %v", name, lines.Text(), e.Outcome, err)
				continue
			}
			all++
			switch facts := known.Explain(t.Context(), &e.Event); facts.Cause {
			case scan.CauseScan:
				n++
			case scan.CauseUnknown:
			default:
				t.Errorf("%s: %s because %q: %q", name, facts.Cause, facts.CauseWhy, lines.Text())
			}
		}
		if n != want {
			t.Errorf("%s: %d packets are told to be scans, want %d", name, n, want)
		}
		told += n
	}
	f("psad-fin_scan_1000_1150.log", 80)
	f("psad-syn_sweep.log", 12)
	f("psad-mirai_default_credentials_scan.log", 11)
	f("psad-reputation_scan.log", 7)
	f("psad-ms_sql_server_sig_match.log", 2)
	f("psad-ipv6_ms_sql_server_sig_match.log", 1)
	f("psad-udp_scan_1000_1150.log", 28) // to ports below 1024
	f("psad-proto_scan.log", 0)
	t.Logf("of %d packets of known scans %d are told to be scans (recall %.3f), the rest is unknown, none is taken for something else", all, told, float64(told)/float64(all))
}
