package screenos

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
	f(`NetScreen device_id=ns1  [Root]system-alert-00016: Port scan! From 192.0.2.107:51234 to 198.51.100.122:2323, proto TCP (zone Untrust, int ethernet3). Occurred 12 times.`)
}

func FuzzParse(f *testing.F) { parsetest.Fuzz(f, Parse) }

func BenchmarkParse(b *testing.B) { parsetest.Bench(b, Parse) }
