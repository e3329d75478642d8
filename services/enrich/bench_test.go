package enrich

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/natsd"
	"github.com/whoknocks/whoknocks/pkg/natsd/natstest"
	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/internal/assets"
)

// benchConfig uses the real data where it has been fetched.
func benchConfig(b *testing.B) Config {
	b.Helper()
	cfg := testConfig(b)
	if _, err := assets.Find(fetchedASN[0]); err == nil {
		cfg.ASN, cfg.Country = nil, nil
	} else if os.Getenv("CI") == "true" {
		b.Fatal(err)
	}
	cfg.Rules = nil // those that ship
	return cfg
}

// messages holds n events of as many sources as given, 500 a message, with a
// line of the length that netfilter writes.
func messages(n, sources int) (msgs []*bus.Message, bytes int) {
	line := "Jul  1 12:00:00 gw kernel: [12345.678901] DROP IN=eth0 OUT= MAC=00:00:5e:00:53:01:00:00:5e:00:53:02:08:00 SRC=192.0.2.1 DST=203.0.113.200 LEN=40 TOS=0x00 PREC=0x00 TTL=240 ID=54321 PROTO=TCP SPT=50000 DPT=22 WINDOW=1024 RES=0x00 SYN URGP=0"
	for i := 0; i < n; i += 500 {
		var data []byte
		for j := i; j < min(i+500, n); j++ {
			e := event("192.0.2.1", "2026-07-01")
			k := uint32(j%sources)*2654435761>>3 | 0x03000000 // spread over the address space
			e.SrcIP = netip.AddrFrom4([4]byte{byte(k>>24)%200 + 1, byte(k >> 16), byte(k >> 8), byte(k)})
			e.ID, e.Line, e.Origin = scan.ID(j+1), line, fmt.Sprintf("/var/log/firewall.log:%d", j)
			data = append(e.AppendJSON(data), '\n')
		}
		bytes += len(data)
		msgs = append(msgs, &bus.Message{Subject: bus.Observed("home"), Sensor: "home", Seq: uint64(i), Delivered: 1, Data: data, Time: time.Now()})
	}
	return msgs, bytes
}

// BenchmarkEnrich is decoding, enriching and encoding on one core.
func BenchmarkEnrich(b *testing.B) {
	const events = 16_000
	for _, sources := range []int{1, 1000, 16_000, 1 << 30} {
		name := fmt.Sprintf("sources=%d", sources)
		if sources == 1<<30 {
			name = "sources=new"
		}
		b.Run(name, func(b *testing.B) {
			s, _ := newService(b, benchConfig(b), nil)
			w := s.newWorker()
			msgs, bytes := messages(events, sources)
			b.SetBytes(int64(bytes))
			b.ReportAllocs()
			for b.Loop() {
				if sources == 1<<30 {
					w.forget()
				}
				for i := 0; i < len(msgs); i += groupMessages {
					w.begin(time.Now())
					for _, m := range msgs[i:min(i+groupMessages, len(msgs))] {
						w.message(m)
					}
				}
			}
			b.ReportMetric(float64(b.N)*events/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkCached is enriching alone, without decoding and encoding: the owner of a
// source that is known and the cause of each event.
func BenchmarkCached(b *testing.B) {
	for _, sources := range []int{1, 1000, 16_000} {
		b.Run(fmt.Sprintf("sources=%d", sources), func(b *testing.B) {
			s, _ := newService(b, benchConfig(b), nil)
			w := s.newWorker()
			msgs, _ := messages(16_000, sources)
			events := make([]scan.Enriched, 0, 16_000)
			for _, m := range msgs {
				for line := range scan.Lines(m.Data) {
					var e scan.Enriched
					if err := w.dec.Event(line, &e.Event); err != nil {
						b.Fatal(err)
					}
					events = append(events, e)
				}
			}
			w.begin(time.Now())
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				w.enrich(&events[i%len(events)])
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkStart is reading everything that a service knows without asking: IP
// data, rules, research.
func BenchmarkStart(b *testing.B) {
	cfg := benchConfig(b)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var s *Service
	for b.Loop() {
		s, _ = newService(b, cfg, nil)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB-kept")
	runtime.KeepAlive(s)
}

// BenchmarkRun is all of it through a real bus that syncs every message, from
// the stream of observed events to that of enriched ones, both on this machine.
func BenchmarkRun(b *testing.B) {
	const events = 200_000
	msgs, bytes := messages(events, 1000)
	cfg := natstest.Config(b)
	cfg.SyncAlways = true
	srv, err := natsd.Start(cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(srv.Shutdown)
	nb := natstest.Connect(b, srv)
	s, _ := newService(b, benchConfig(b), nb)
	done := make(chan error, 1)
	b.SetBytes(int64(bytes))
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		var last uint64
		for _, m := range msgs {
			if last, err = nb.Publish(b.Context(), m.Subject, m.Data); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		ctx, cancel := context.WithCancel(b.Context())
		go func() { done <- s.Run(ctx) }()
		if err := nb.Await(b.Context(), bus.StreamObserved, Durable, last); err != nil {
			b.Fatal(err)
		}
		cancel()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*events/b.Elapsed().Seconds(), "events/s")
}
