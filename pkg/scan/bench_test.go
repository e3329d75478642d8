package scan

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"testing"
)

// samples are events as they come in a batch: another source, line and origin
// each, with networks and owners repeating.
func samples() (events []Enriched, lines [][]byte, size int64) {
	for i := range 1000 {
		e := sample()
		e.ID += ID(i)
		e.SrcIP = netip.AddrFrom4([4]byte{203, 0, 113, byte(i)})
		e.Line = fmt.Sprintf("%s %d", e.Line, i)
		e.Origin = fmt.Sprintf("router-2012-04.log:%d", 10000+i)
		e.Network = fmt.Sprintf("203.0.113.%d/30", i&0xfc)
		e.Registrant = fmt.Sprintf("Example CDN %d B.V.", i%200)
		line := e.AppendJSON(nil)
		events, lines = append(events, e), append(lines, line)
		size += int64(len(line))
	}
	return events, lines, size / int64(len(lines))
}

func BenchmarkEncode(b *testing.B) {
	events, _, size := samples()
	b.Run("AppendJSON", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(size)
		var buf []byte
		for i := 0; b.Loop(); i++ {
			buf = events[i%len(events)].AppendJSON(buf[:0])
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(size)
		for i := 0; b.Loop(); i++ {
			if _, err := json.Marshal(model(&events[i%len(events)])); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	_, lines, size := samples()
	b.Run("Decoder", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(size)
		var d Decoder
		var e Enriched
		for i := 0; b.Loop(); i++ {
			if err := d.Enriched(lines[i%len(lines)], &e); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(size)
		for i := 0; b.Loop(); i++ {
			var w wire
			if err := json.Unmarshal(lines[i%len(lines)], &w); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkValidate(b *testing.B) {
	events, _, _ := samples()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := events[i%len(events)].Validate(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPublic(b *testing.B) {
	addrs := []netip.Addr{netip.MustParseAddr("203.0.113.77"), netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::1")}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		Public(addrs[i%len(addrs)])
	}
}
