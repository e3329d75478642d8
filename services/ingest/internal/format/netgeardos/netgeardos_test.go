package netgeardos

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
	f(`[DoS attack: FIN Scan] (1) attack packets in last 20 sec from ip [192.0.2.12], Thursday, May 03,2018 05:46:58`)
	f(`[DoS Attack: RST Scan] from source: 192.0.2.237, port 443, Tuesday, February 16, 2016 17:39:12`)
	f(`[DoS attack: TCP Port Scan] from source: 192.0.2.65:46430, Wednesday, April 27,2022 08:33:55`)
	f(`[LAN access from remote] from 192.0.2.109:41007 to 192.168.0.106:63115 Tuesday, Feb 07,2012 02:47:43`)
	f(`[Service blocked: ICMP_echo_req] from source 192.0.2.33, Monday, February 22, 2016 17:46:57`)
}

func FuzzParse(f *testing.F) { parsetest.Fuzz(f, Parse) }

func BenchmarkParse(b *testing.B) { parsetest.Bench(b, Parse) }
