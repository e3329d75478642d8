package ingest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/natsd/natstest"
	"github.com/whoknocks/whoknocks/services/ingest/internal/input"
)

// BenchmarkPublish measures the whole way from a file to the bus, with every
// message synced to disk: reading, parsing, encoding, batching, publishing. An
// operation is a file of 200,000 lines.
func BenchmarkPublish(b *testing.B) {
	const lines = 200_000
	var text bytes.Buffer
	for i := range lines {
		at := time.Date(2026, 6, 8, 14, 0, i/20, 0, time.UTC).Format(time.Stamp)
		fmt.Fprintf(&text, "%s gateway kernel: [50028442.%06d] [UFW BLOCK] IN=enp1s0 OUT= MAC=00:00:5e:00:53:01:00:00:5e:00:53:02:08:00 SRC=198.51.%d.%d DST=203.0.113.9 LEN=40 TOS=0x00 PREC=0x00 TTL=245 ID=%d PROTO=TCP SPT=%d DPT=8123 WINDOW=1024 RES=0x00 SYN URGP=0\n",
			at, i, i/250%250, i%250+1, i%65536, 1024+i%50000)
	}
	path := filepath.Join(b.TempDir(), "router.log")
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		cfg := natstest.Config(b)
		cfg.SyncAlways = true
		bus := natstest.Connect(b, natstest.StartWith(b, cfg))
		s, err := New(DefaultConfig(), bus, nil, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		im, err := s.newImporter(b.Context(), ImportOptions{Files: []string{path}})
		if err != nil {
			b.Fatal(err)
		}
		if err := im.importFile(input.File{Path: path}); err != nil {
			b.Fatal(err)
		}
		if err := im.settle(); err != nil {
			b.Fatal(err)
		}
		if im.sum.Events != lines {
			b.Fatalf("%+v", im.sum)
		}
		im.close()
	}
	b.ReportMetric(float64(lines*b.N)/b.Elapsed().Seconds(), "events/s")
}
