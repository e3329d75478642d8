package natsd_test

import (
	"bytes"
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/natsd"
	"github.com/whoknocks/whoknocks/pkg/natsd/natstest"
)

// event is a line as long as an enriched event usually is, some 600 bytes, and
// as alike to the next one.
func event(i int) []byte {
	n := strconv.Itoa(i)
	return []byte(`{"v":1,"id":"` + strconv.FormatUint(uint64(i+1)*0x9e3779b97f4a7c15, 16) + `","time":"2026-01-02T03:04:05.` + n + `Z","time_basis":"zone_assumed",` +
		`"received":"2026-01-02T03:05:00.000Z","sensor":"home-adsl","format":"netfilter","verdict":"drop","direction":"in","proto":"tcp",` +
		`"src_ip":"203.0.113.` + strconv.Itoa(i%256) + `","src_port":` + strconv.Itoa(1024+i%60000) + `,"dst_ip":"192.0.2.1","dst_port":445,"tcp_flags":"S","packets":1,` +
		`"label":"DROP","line":"kernel: DROP IN=ppp0 OUT= SRC=203.0.113.` + strconv.Itoa(i%256) + ` DST=192.0.2.1 LEN=48 TTL=115 ID=` + n + ` PROTO=TCP SPT=` + strconv.Itoa(1024+i%60000) + ` DPT=445 SYN",` +
		`"origin":"messages:` + n + `","network":"203.0.113.0/24","owner":"Example","registrant":"Example Networks Ltd","country":"SE","asn":64500,"cause":"scan"}`)
}

func durable(b *testing.B) *bus.Bus {
	b.Helper()
	cfg := natstest.Config(b)
	cfg.SyncAlways = true
	return natstest.Connect(b, natstest.StartWith(b, cfg), func(c *bus.Config) {
		c.ObservedBytes, c.EnrichedBytes = 16<<30, 16<<30
	})
}

// BenchmarkBatcher publishes one event an iteration, with the sync to disk that
// production has; batches of 500 as the services use them.
func BenchmarkBatcher(b *testing.B) {
	for _, size := range []int{1, 500} {
		b.Run("events="+strconv.Itoa(size), func(b *testing.B) {
			ctx := context.Background()
			batcher := durable(b).NewBatcher(bus.BatcherConfig{MaxEvents: size})
			defer batcher.Close()
			line := event(123456)
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := batcher.Add(ctx, bus.Observed("home"), line); err != nil {
					b.Fatal(err)
				}
			}
			if err := batcher.Flush(ctx); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkSubscribe handles batches of 500 events, one batch an iteration.
func BenchmarkSubscribe(b *testing.B) {
	f := func(name, stream, subject string) {
		b.Run(name, func(b *testing.B) {
			ctx := context.Background()
			conn := durable(b)
			var data []byte
			for i := range 500 {
				data = append(append(data, event(i)...), '\n')
			}
			for range b.N {
				if _, err := conn.Publish(ctx, subject, data); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			b.ResetTimer()
			reading, stop := context.WithCancel(ctx)
			defer stop()
			var seen atomic.Int64
			if err := conn.Subscribe(reading, bus.Subscription{Stream: stream, Durable: "bench"}, func(_ context.Context, m *bus.Message) error {
				if seen.Add(1) == int64(b.N) {
					b.StopTimer()
					stop()
				}
				return nil
			}); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(500*float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
	f("stream=enriched", bus.StreamEnriched, bus.Enriched("home"))
	f("stream=observed", bus.StreamObserved, bus.Observed("home"))
}

// BenchmarkHops is what the bus alone takes of an import: events are published to the
// one stream, passed on to the other as they are, and read there, one an iteration.
func BenchmarkHops(b *testing.B) {
	cfg := natstest.Config(b)
	cfg.SyncAlways = true
	srv := natstest.StartWith(b, cfg)
	conn := func() *bus.Bus {
		c := bus.DefaultConfig()
		c.ObservedBytes, c.EnrichedBytes = 16<<30, 16<<30
		conn, err := bus.Connect(b.Context(), c, bus.WithInProcess(srv))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(conn.Close)
		return conn
	}
	reading, stop := context.WithCancel(b.Context())
	var readers sync.WaitGroup
	read := func(conn *bus.Bus, stream string, each func(context.Context, *bus.Message) error) {
		readers.Go(func() {
			if err := conn.Subscribe(reading, bus.Subscription{Stream: stream, Durable: "bench", InFlight: 8}, each); err != nil {
				b.Error(err)
			}
		})
	}
	first, between, last := conn(), conn(), conn()
	read(between, bus.StreamObserved, func(ctx context.Context, m *bus.Message) error {
		_, err := between.Publish(ctx, bus.Enriched(m.Sensor), m.Data)
		return err
	})
	var seen atomic.Int64
	read(last, bus.StreamEnriched, func(_ context.Context, m *bus.Message) error {
		if seen.Add(int64(bytes.Count(m.Data, []byte("\n")))) == int64(b.N) {
			stop()
		}
		return nil
	})
	batcher := first.NewBatcher(bus.BatcherConfig{Ahead: 16 << 20})
	defer batcher.Close()
	b.SetBytes(int64(len(event(0))))
	b.ResetTimer()
	for i := range b.N {
		if _, err := batcher.Add(b.Context(), bus.Observed("home"), event(i)); err != nil {
			b.Fatal(err)
		}
	}
	readers.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkRoundTrip is what a live event goes through: publish, sync, deliver,
// acknowledge.
func BenchmarkRoundTrip(b *testing.B) {
	ctx := context.Background()
	conn := durable(b)
	arrived := make(chan struct{}, 1)
	reading, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() {
		done <- conn.Subscribe(reading, bus.Subscription{Stream: bus.StreamObserved, Durable: "bench"}, func(context.Context, *bus.Message) error {
			arrived <- struct{}{}
			return nil
		})
	}()
	line := append(event(1), '\n')
	b.ReportAllocs()
	for b.Loop() {
		if _, err := conn.Publish(ctx, bus.Observed("home"), line); err != nil {
			b.Fatal(err)
		}
		<-arrived
	}
	stop()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}

// BenchmarkStart is what every test with a server pays.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		cfg := natstest.Config(b)
		srv, err := natsd.Start(cfg)
		if err != nil {
			b.Fatal(err)
		}
		srv.Shutdown()
	}
}
