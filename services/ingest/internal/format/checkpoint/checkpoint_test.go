package checkpoint

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
	f(`[action:"Drop"; flags:"2116"; ifdir:"inbound"; origin:"198.51.100.1"; src:"192.0.2.107"; dst:"198.51.100.122"; proto:"6"; s_port:"32973"; service:"5741"; ]`)
	f(`14:55:20 drop 198.51.100.1 >eth0 product: VPN-1 & FireWall-1; src: 192.0.2.107; dst: 198.51.100.122; proto: tcp;`)
}

func FuzzParse(f *testing.F) { parsetest.Fuzz(f, Parse) }

func BenchmarkParse(b *testing.B) { parsetest.Bench(b, Parse) }
