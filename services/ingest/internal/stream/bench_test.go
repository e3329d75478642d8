package stream

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

type discard struct{}

func (discard) Event(*scan.Event) error       { return nil }
func (discard) Rejected(*scan.Rejected) error { return nil }

// encode is a sink that does what publishing does but for the bus.
type encode struct{ buf []byte }

func (e *encode) Event(ev *scan.Event) error {
	e.buf = ev.AppendJSON(e.buf[:0])
	return nil
}
func (*encode) Rejected(*scan.Rejected) error { return nil }

// sample makes n different lines of a format, as they stand in a file.
func sample(format string, n int) []string {
	lines := make([]string, n)
	for i := range lines {
		src := fmt.Sprintf("198.51.%d.%d", i/250%250, i%250+1)
		at := time.Date(2026, 6, 8, 14, 0, i/20, 0, time.UTC)
		switch format {
		case "netfilter":
			lines[i] = fmt.Sprintf("%s gateway kernel: [50028442.%06d] [UFW BLOCK] IN=enp1s0 OUT= MAC=00:00:5e:00:53:01:00:00:5e:00:53:02:08:00 SRC=%s DST=203.0.113.9 LEN=40 TOS=0x00 PREC=0x00 TTL=245 ID=%d PROTO=TCP SPT=%d DPT=8123 WINDOW=1024 RES=0x00 SYN URGP=0",
				at.Format(time.Stamp), i, src, i%65536, 1024+i%50000)
		case "netgear-dg834":
			lines[i] = fmt.Sprintf("%s - UDP Packet - Source:%s,3478 Destination:203.0.113.9,1033 - [DOS]", at.Format("Mon, 2006-01-02 15:04:05"), src)
		case "netgear-dos":
			lines[i] = fmt.Sprintf("[DoS Attack: RST Scan] from source: %s, port 443, %s", src, at.Format("Monday, January 02, 2006 15:04:05"))
		}
	}
	return lines
}

// BenchmarkParse measures all that happens to a line on one core before it is
// encoded: envelope, format, time, identity, ordinal, origin.
func BenchmarkParse(b *testing.B) {
	for _, format := range []string{"netfilter", "netgear-dg834", "netgear-dos"} {
		b.Run(format, func(b *testing.B) { run(b, sample(format, 100_000), discard{}) })
	}
}

// BenchmarkUnrecognised measures lines that every format is asked about in vain.
func BenchmarkUnrecognised(b *testing.B) {
	lines := make([]string, 1000)
	for i := range lines {
		lines[i] = fmt.Sprintf("Jun  8 14:00:%02d gateway dnsmasq-dhcp[1234]: DHCPACK(br0) 192.168.1.%d 00:00:5e:00:53:%02x laptop", i%60, i%250, i%256)
	}
	run(b, lines, discard{})
}

// BenchmarkEncode adds the encoding.
func BenchmarkEncode(b *testing.B) {
	run(b, sample("netfilter", 100_000), &encode{})
}

func run(b *testing.B, lines []string, sink Sink) {
	b.Helper()
	b.SetBytes(int64(len(strings.Join(lines, "\n"))+1) / int64(len(lines)))
	b.ReportAllocs()
	now := time.Date(2026, 6, 9, 0, 0, 0, 0, time.UTC)
	b.ResetTimer()
	for i := 0; i < b.N; {
		s, err := New(Config{Sensor: "home", Name: "router.log", Reference: now}, sink)
		if err != nil {
			b.Fatal(err)
		}
		for j := 0; j < len(lines) && i < b.N; j++ {
			if err := s.Line(lines[j], int64(j+1), now); err != nil {
				b.Fatal(err)
			}
			i++
		}
		if c := s.Counts(); c.Events != c.Lines && c.Unrecognised != c.Lines {
			b.Fatalf("%v", c)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

// BenchmarkKeys measures the same as many different sources take turns: what a
// line costs must not grow with their number. The lines are made as they are
// needed, off the clock. To see ten million sources: -benchtime 10000000x.
func BenchmarkKeys(b *testing.B) {
	for _, keys := range []int{10_000, 100_000, 1_000_000, 10_000_000} {
		b.Run(fmt.Sprint(keys), func(b *testing.B) {
			s, err := New(Config{Sensor: "home", Name: "router.log", Reference: time.Date(2026, 6, 9, 0, 0, 0, 0, time.UTC)}, discard{})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			lines := make([]string, 10_000)
			for done := 0; done < b.N; done += len(lines) {
				b.StopTimer()
				for i := range lines {
					n := done + i
					k := n % keys
					lines[i] = fmt.Sprintf("%s gateway kernel: DROP IN=eth0 OUT= MAC= SRC=%d.%d.%d.%d DST=203.0.113.9 LEN=40 TOS=0x00 PREC=0x00 TTL=245 ID=%d PROTO=TCP SPT=%d DPT=8123 WINDOW=1024 RES=0x00 SYN URGP=0",
						time.Date(2026, 6, 8, 14, 0, n/20, 0, time.UTC).Format(time.Stamp), 20+k>>24, k>>16&255, k>>8&255, k&255, n%65536, 1024+n%50000)
				}
				b.StartTimer()
				for i := range min(len(lines), b.N-done) {
					if err := s.Line(lines[i], int64(done+i+1), time.Time{}); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
