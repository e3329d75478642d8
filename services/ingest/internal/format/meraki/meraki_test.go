package meraki

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
	f(`1684930151.118340277 MX84 security_event ids_alerted signature=1:28423:1 priority=1 timestamp=1684930150.9 dhost=00:11:22:33:44:55 direction=ingress protocol=tcp/ip src=192.0.2.107:8080 dst=192.168.1.15:53023 message: EXPLOIT-KIT`)
	f(`1684930151.118340277 MX84 flows src=192.0.2.107 dst=198.51.100.122 protocol=tcp sport=51234 dport=9`)
}

func FuzzParse(f *testing.F) { parsetest.Fuzz(f, Parse) }

func BenchmarkParse(b *testing.B) { parsetest.Bench(b, Parse) }
