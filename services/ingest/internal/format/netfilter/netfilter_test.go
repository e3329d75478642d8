package netfilter

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
	f(`Jun  8 14:34:33 gw kernel: [5.088484] [UFW BLOCK] IN=ppp0 OUT= MAC= SRC=192.0.2.107 DST=198.51.100.67 LEN=40 TOS=0x00 PREC=0x00 TTL=245 ID=37308 PROTO=TCP SPT=8080 DPT=8123 WINDOW=1024 RES=0x00 ACK SYN URGP=0 `)
	f(`Jun  8 14:34:33 gw kernel: DROP IN=ppp0 OUT= MAC= SRC=192.0.2.107 DST=198.51.100.67 LEN=131 TTL=120 ID=30883 PROTO=UDP SPT=17578 DPT=51413 LEN=111 `)
	f(`Jun  8 14:34:33 gw kernel: DROP IN=ppp0 OUT= MAC= SRC=192.0.2.32 DST=198.51.100.78 LEN=157 TTL=116 ID=26589 PROTO=ICMP TYPE=13 CODE=3 [SRC=198.51.100.78 DST=192.0.2.32 LEN=129 TTL=50 ID=0 DF PROTO=UDP SPT=9985 DPT=60429 LEN=109 ]`)
}

func FuzzParse(f *testing.F) { parsetest.Fuzz(f, Parse) }

func BenchmarkParse(b *testing.B) { parsetest.Bench(b, Parse) }
