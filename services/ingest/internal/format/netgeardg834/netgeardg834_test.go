package netgeardg834

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
	f(`Sat, 2010-08-21 14:38:49 - UDP Packet - Source:192.0.2.56,3478 Destination:198.51.100.116,1033 - [DOS]`)
	f(`Sat, 2010-08-21 14:38:53 - ICMP Packet [Echo Request] - Source:203.0.113.7 Destination:198.51.100.116 - [Receive]`)
}

func FuzzParse(f *testing.F) { parsetest.Fuzz(f, Parse) }

func BenchmarkParse(b *testing.B) { parsetest.Bench(b, Parse) }
