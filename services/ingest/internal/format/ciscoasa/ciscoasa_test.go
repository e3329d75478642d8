package ciscoasa

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
	f(`%ASA-2-106001: Inbound TCP connection denied from 192.0.2.107/32588 to 198.51.100.122/1433 flags SYN ACK  on interface outside`)
	f(`%ASA-4-106023: Deny icmp src outside:192.0.2.107 dst inside:198.51.100.122 (type 13, code 10) by access-group "outside_in" [0x0, 0x0]`)
	f(`%ASA-6-106100: access-list outside_in denied tcp outside/192.0.2.107(51234) -> inside/198.51.100.122(2323) hit-cnt 1 first hit [0x1, 0x2]`)
	f(`%ASA-6-302013: Built outbound TCP connection 17 for outside:192.0.2.107/5123 (192.0.2.107/5123) to inside:192.168.10.11/40000 (198.51.100.9/40000)`)
	f(`%FTD-1-430002: AccessControlRuleAction: Block, SrcIP: 192.0.2.107, DstIP: 198.51.100.122, SrcPort: 51234, DstPort: 2323, Protocol: tcp, IngressInterface: outside`)
}

func FuzzParse(f *testing.F) { parsetest.Fuzz(f, Parse) }

func BenchmarkParse(b *testing.B) { parsetest.Bench(b, Parse) }
