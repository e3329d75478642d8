package ingest

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/identity"
	"github.com/whoknocks/whoknocks/services/ingest/internal/input"
	"github.com/whoknocks/whoknocks/services/ingest/internal/stream"
)

// BenchmarkMemory reads one log without an end, 64 MiB of it an operation, all the
// way to encoded events, which are thrown away. What it takes must not depend on
// how much that is:
//
//	go test ./services/ingest -run xxx -bench Memory -benchtime 160x    # 10 GiB
func BenchmarkMemory(b *testing.B) {
	for name, sources := range map[string]uint32{"50000 sources": 50_000, "any source": 1 << 32 / 256} {
		b.Run(name, func(b *testing.B) {
			const size = 64 << 20
			b.SetBytes(size)
			doc, err := input.Open(input.Stdin, io.LimitReader(&endlessLog{sources: sources}, int64(b.N)*size))
			if err != nil {
				b.Fatal(err)
			}
			sink := &discard{}
			s, err := stream.New(stream.Config{Sensor: "home", Format: "auto", Name: "router.log", Join: true, Reference: time.Now()}, sink)
			if err != nil {
				b.Fatal(err)
			}
			trail := input.NewTrail()
			runtime.GC()
			var most uint64
			now, line := time.Now(), int64(0)
			err = doc.Chunks(b.Context(), func(c input.Chunk) error {
				for l := range c.Lines() {
					line++
					if err := s.Line(l.Text, line, now); err != nil {
						return err
					}
					trail.Add(l)
				}
				if c.Offset>>20%16 == 0 {
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					most = max(most, m.Sys-m.HeapReleased)
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(most)/1e6, "MB-resident")
			b.ReportMetric(float64(s.Counts().Events)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// discard takes events as an importer does.
type discard struct {
	sources identity.Addrs
	buf     []byte
}

func (d *discard) Event(ev *scan.Event) error {
	d.sources.Add(ev.SrcIP)
	d.buf = ev.AppendJSON(d.buf[:0])
	return nil
}

func (d *discard) Rejected(r *scan.Rejected) error {
	d.buf = r.AppendJSON(d.buf[:0])
	return nil
}

// endlessLog is the log of a firewall on which sources knock 50 times a second.
type endlessLog struct {
	sources uint32
	n       int64
	rest    []byte
	buf     []byte
}

func (l *endlessLog) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		l.buf = l.buf[:0]
		for range 1000 {
			at := time.Date(2026, 1, 1, 0, 0, int(l.n/50), 0, time.UTC)
			var ip [4]byte
			binary.BigEndian.PutUint32(ip[:], 0x0b000000+uint32(l.n*2654435761>>7)%l.sources)
			l.buf = fmt.Appendf(l.buf, "%s gateway kernel: [%d.%06d] [UFW BLOCK] IN=enp1s0 OUT= MAC=00:00:5e:00:53:01:00:00:5e:00:53:02:08:00 SRC=%s DST=203.0.113.9 LEN=40 TOS=0x00 PREC=0x00 TTL=245 ID=%d PROTO=TCP SPT=%d DPT=8123 WINDOW=1024 RES=0x00 SYN URGP=0\n",
				at.Format(time.Stamp), l.n/50, l.n%1000000, netip.AddrFrom4(ip), l.n%65536, 1024+l.n%50000)
			l.n++
		}
		l.rest = l.buf
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}
