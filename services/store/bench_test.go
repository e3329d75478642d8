package store_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/natsd/natstest"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse/clickhousetest"
	"github.com/whoknocks/whoknocks/services/store"
)

// BenchmarkStore is the way from the bus to durable rows: 200,000 events that
// wait in the stream, in messages of 1000.
func BenchmarkStore(b *testing.B) {
	const messages = 200
	var data []byte
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	b.ReportAllocs()
	b.StopTimer()
	for range b.N {
		conn, dsn := natstest.Bus(b), clickhousetest.DSN(b)
		batcher := conn.NewBatcher(bus.BatcherConfig{})
		for i := range messages {
			list := events(i*1000, 1000)
			for j := range list {
				list[j].Line = "Apr 10 06:07:08 router kernel: [UFW BLOCK] IN=ppp0 OUT= MAC= SRC=192.0.2.1 DST=203.0.113.7 LEN=40 TOS=0x00 PREC=0x00 TTL=52 ID=1 DF PROTO=TCP SPT=1 DPT=22 WINDOW=1024 RES=0x00 SYN URGP=0"
				data = list[j].AppendJSON(data[:0])
				if _, err := batcher.Add(ctx, bus.Enriched("home-adsl"), data); err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(len(data)) * messages * 1000)
			}
		}
		if err := batcher.Flush(ctx); err != nil {
			b.Fatal(err)
		}
		batcher.Close()
		db, err := clickhouse.Open(ctx, clickhouse.Config{DSN: dsn})
		if err != nil {
			b.Fatal(err)
		}
		s, err := store.New(store.DefaultConfig(), conn, db, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		if err != nil {
			b.Fatal(err)
		}
		seq, err := conn.LastSeq(ctx, bus.StreamEnriched)
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		run, stop := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- s.Run(run) }()
		if err := conn.Await(ctx, bus.StreamEnriched, store.DurableEvents, seq); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		stop()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
		_ = db.Close()
	}
	b.ReportMetric(float64(b.N)*messages*1000/b.Elapsed().Seconds(), "events/s")
}
