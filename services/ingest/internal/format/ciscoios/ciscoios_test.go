package ciscoios

import (
	"testing"

	"github.com/whoknocks/whoknocks/services/ingest/internal/parse/parsetest"
)

func TestGolden(t *testing.T) { parsetest.Golden(t, Parse) }

func TestCut(t *testing.T) {
	f := func(line string) {
		t.Helper()
		parsetest.Cut(t, Parse, line)
	}
	f(`%SEC-6-IPACCESSLOGP: list 102 denied tcp 192.0.2.107(51234) -> 198.51.100.122(2323), 1 packet`)
	f(`%SEC-6-IPACCESSLOGDP: list 102 denied icmp 192.0.2.107 -> 198.51.100.122 (13/10), 1 packet`)
	f(`%SEC-6-IPACCESSLOGS: list 1 denied 192.0.2.107 15 packets`)
	f(`%FW-6-DROP_PKT: Dropping tcp pkt 192.0.2.107:51234 => 198.51.100.122:2323 (target:class)-(in:class-default)`)
	f(`%IPS-4-SIGNATURE: Sig:3042 Subsig:1 Sev:4 TCP Window [192.0.2.107:51234 -> 198.51.100.122:8080]`)
}

func FuzzParse(f *testing.F) { parsetest.Fuzz(f, Parse) }

func BenchmarkParse(b *testing.B) { parsetest.Bench(b, Parse) }
