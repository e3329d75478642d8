package natsd_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/natsd"
	"github.com/whoknocks/whoknocks/pkg/natsd/natstest"
)

// raw is JetStream without package bus, to see and do what it does not offer.
func raw(t testing.TB, srv *natsd.Server) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(srv.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func info(ctx context.Context, t testing.TB, srv *natsd.Server, stream string) *jetstream.StreamInfo {
	t.Helper()
	s, err := raw(t, srv).Stream(ctx, stream)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo()
}

func TestAckFloor(t *testing.T) {
	ctx := within(t, 30*time.Second)
	srv := natstest.Start(t)
	b := natstest.Connect(t, srv)
	stuck := make(chan struct{}) // keeps message 3 in its handler
	var once sync.Once
	t.Cleanup(func() { once.Do(func() { close(stuck) }) })
	want := func(what, stream, durable string, want uint64) {
		t.Helper()
		eventually(t, fmt.Sprintf("%s stands at %d %s", durable, want, what), func() bool {
			got, err := b.AckFloor(ctx, stream, durable)
			if err != nil {
				t.Fatal(err)
			}
			if got > want {
				t.Fatalf("AckFloor() %s = %d, want %d", what, got, want)
			}
			return got == want
		})
	}
	want("before anything exists", bus.StreamObserved, "enrich", 0)
	stop := subscribe(t, func(ctx context.Context) error {
		sub := observed
		sub.InFlight = 4
		return b.Subscribe(ctx, sub, func(_ context.Context, m *bus.Message) error {
			if m.Seq == 3 {
				<-stuck
			}
			return nil
		})
	})
	for range 2 {
		publish(ctx, t, b, bus.Observed("home"), "{}\n")
	}
	want("after two", bus.StreamObserved, "enrich", 2)
	for range 3 {
		publish(ctx, t, b, bus.Observed("home"), "{}\n")
	}
	eventually(t, "all but one are handled", func() bool { return b.Stats().Acked == 4 })
	want("below one that is not handled", bus.StreamObserved, "enrich", 2)
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	err := b.Await(short, bus.StreamObserved, "enrich", 5)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "stands at 2") {
		t.Errorf("Await() = %v, want the end of the context and where it stands", err)
	}
	once.Do(func() { close(stuck) })
	want("after all", bus.StreamObserved, "enrich", 5)

	// Messages that were removed under the reader, or that it does not read,
	// must not hold anybody up for ever.
	stop()
	for range 5 {
		publish(ctx, t, b, bus.Observed("home"), "{}\n")
	}
	want("before a purge", bus.StreamObserved, "enrich", 5)
	s, err := raw(t, srv).Stream(ctx, bus.StreamObserved)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(ctx); err != nil {
		t.Fatal(err)
	}
	want("after a purge", bus.StreamObserved, "enrich", 10)

	subscribe(t, func(ctx context.Context) error {
		sub := bus.Subscription{Stream: bus.StreamEnriched, Durable: "one", Filter: bus.Enriched("one")}
		return b.Subscribe(ctx, sub, func(context.Context, *bus.Message) error { return nil })
	})
	publish(ctx, t, b, bus.Enriched("one"), "{}\n")
	publish(ctx, t, b, bus.Enriched("two"), "{}\n")
	want("behind a message it does not read", bus.StreamEnriched, "one", 2)
}

func TestAwaitWaitsForTheDurableToExist(t *testing.T) {
	ctx := within(t, 20*time.Second)
	b := natstest.Bus(t)
	seq := publish(ctx, t, b, bus.Observed("home"), "{}\n")
	done := make(chan error, 1)
	go func() { done <- b.Await(ctx, bus.StreamObserved, "enrich", seq) }()
	time.Sleep(20 * time.Millisecond)
	subscribe(t, func(ctx context.Context) error {
		return b.Subscribe(ctx, observed, func(context.Context, *bus.Message) error { return nil })
	})
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := b.Await(ctx, bus.StreamEnriched, "nobody", 0); err != nil {
		t.Errorf("Await() of nothing = %v", err)
	}
}

func TestTrim(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := natstest.Start(t)
	b := natstest.Connect(t, srv)
	// The oldest are the largest, so that the mean misleads.
	for i := range 200 {
		publish(ctx, t, b, bus.Enriched("home"), strings.Repeat("x", 20_000-i*90))
	}
	full := info(ctx, t, srv, bus.StreamEnriched).State
	f := func(what string, keep int64, floor uint64, check func(s jetstream.StreamState) bool) {
		t.Helper()
		if err := b.Trim(ctx, bus.StreamEnriched, keep, floor); err != nil {
			t.Errorf("Trim() %s: %v", what, err)
		}
		s := info(ctx, t, srv, bus.StreamEnriched).State
		if !check(s) {
			t.Errorf("Trim(%d, %d) %s left %d to %d, %d bytes", keep, floor, what, s.FirstSeq, s.LastSeq, s.Bytes)
		}
	}
	f("with room", int64(full.Bytes), 200, func(s jetstream.StreamState) bool { return s.FirstSeq == 1 })
	f("with nothing read", 0, 0, func(s jetstream.StreamState) bool { return s.FirstSeq == 1 })
	f("at the floor", 0, 10, func(s jetstream.StreamState) bool { return s.FirstSeq == 11 && s.LastSeq == 200 })
	f("below the floor", 1_000_000, 5, func(s jetstream.StreamState) bool { return s.FirstSeq == 11 })
	f("to a size", 1_000_000, 200, func(s jetstream.StreamState) bool { return s.Bytes <= 1_000_000 && s.Bytes > 875_000 })
	f("again", 1_000_000, 200, func(s jetstream.StreamState) bool { return s.Bytes > 875_000 })
	f("to nothing", 0, 200, func(s jetstream.StreamState) bool { return s.Msgs == 0 && s.LastSeq == 200 })
	f("when empty", 0, 200, func(s jetstream.StreamState) bool { return s.Msgs == 0 })

	// Nobody can publish any more, although less is held than was asked for.
	b = natstest.Connect(t, srv, func(c *bus.Config) { c.EnrichedBytes = 1 << 20 })
	for range 9 {
		publish(ctx, t, b, bus.Enriched("home"), strings.Repeat("x", 110_000))
	}
	f("close to the limit of the stream", 1<<20, 300, func(s jetstream.StreamState) bool { return s.Bytes <= 3<<20/4 })

	if err := b.Trim(ctx, "TYPO", 0, 1); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("Trim() of a stream that does not exist = %v", err)
	}
}
