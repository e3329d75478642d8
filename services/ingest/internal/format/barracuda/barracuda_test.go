package barracuda

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
	f(`Security GW1 LocalBlock: LIN|TCP|eth0|192.0.2.107|51234|00:00:00:00:00:00|198.51.100.122|8110|||<no-match>|4003|||0|24|0|0|0|0||||||`)
	f(`Warning  GW1 firewall: [Request] Block: IPS TCP(6) 192.0.2.107:51234 -> 198.51.100.122:8080 |[ID: 1 Name]||3|Probing`)
	f(`Security GW1 firewall: [Timer] SecurityEvent: (Port Scan) 149 unallowed requests for source IP 192.0.2.107 within 60 seconds`)
}

func FuzzParse(f *testing.F) { parsetest.Fuzz(f, Parse) }

func BenchmarkParse(b *testing.B) { parsetest.Bench(b, Parse) }
