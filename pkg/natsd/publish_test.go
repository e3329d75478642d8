package natsd_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/natsd/natstest"
)

func TestPublishGivesSequences(t *testing.T) {
	noLeak(t)
	ctx := within(t, 20*time.Second)
	b := natstest.Bus(t)
	for want := uint64(1); want <= 3; want++ {
		if got := publish(ctx, t, b, bus.Observed("home"), "{}\n"); got != want {
			t.Errorf("Publish() = %d, want %d", got, want)
		}
	}
	if last, err := b.LastSeq(ctx, bus.StreamObserved); err != nil || last != 3 {
		t.Errorf("LastSeq() = %d, %v, want 3", last, err)
	}
	if s := b.Stats(); s.Published != 3 || s.PublishedBytes != 9 {
		t.Errorf("Stats() = %+v, want 3 messages of 9 bytes published", s)
	}
}

func TestPublishWaitsForRoom(t *testing.T) {
	ctx := within(t, 30*time.Second)
	b := natstest.Connect(t, natstest.Start(t), func(c *bus.Config) { c.ObservedBytes = 64 << 10 })
	data := strings.Repeat("x", 10<<10)
	fill := func() (n int) {
		for {
			brief, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
			_, err := b.Publish(brief, bus.Observed("home"), []byte(data))
			cancel()
			if err == nil {
				n++
				continue
			}
			if !errors.Is(err, bus.ErrFull) || !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("Publish() into a full stream = %v, want ErrFull and why it gave up", err)
			}
			return n
		}
	}
	stored := fill()
	if stored != 6 {
		t.Fatalf("a stream of 64 KiB took %d messages of 10 KiB, want 6", stored)
	}
	if b.Stats().PublishFull == 0 {
		t.Error("Stats().PublishFull = 0 after a stream was full")
	}
	// Somebody waits for room, and gets it as soon as a reader makes some.
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() { publish(ctx, t, b, bus.Observed("home"), data) })
	}
	var got tally
	subscribe(t, func(ctx context.Context) error {
		return b.Subscribe(ctx, bus.Subscription{Stream: bus.StreamObserved, Durable: "enrich"}, func(_ context.Context, m *bus.Message) error {
			got.add(m.Data)
			return nil
		})
	})
	wg.Wait()
	last, err := b.LastSeq(ctx, bus.StreamObserved)
	if err != nil || last != 16 {
		t.Fatalf("LastSeq() = %d, %v, want 16", last, err)
	}
	if err := b.Await(ctx, bus.StreamObserved, "enrich", last); err != nil {
		t.Fatal(err)
	}
	if n := got.of(data); n != 16 {
		t.Errorf("got %d messages, want 16", n)
	}
}

func TestPublishRefusesWhatNeverFits(t *testing.T) {
	ctx := within(t, 20*time.Second)
	cfg := natstest.Config(t)
	cfg.MaxPayload = 64 << 10
	b := natstest.Connect(t, natstest.StartWith(t, cfg))
	if _, err := b.Publish(ctx, bus.Observed("home"), make([]byte, 61<<10)); !errors.Is(err, bus.ErrTooLarge) {
		t.Errorf("Publish() of 61 KiB to a server that takes 64 less headers = %v, want ErrTooLarge", err)
	}
	publish(ctx, t, b, bus.Observed("home"), strings.Repeat("x", 60<<10))

	batcher := b.NewBatcher(bus.BatcherConfig{})
	defer batcher.Close()
	if _, err := batcher.Add(ctx, bus.Observed("home"), make([]byte, 60<<10)); !errors.Is(err, bus.ErrTooLarge) {
		t.Errorf("Add() of 60 KiB and a newline = %v, want ErrTooLarge", err)
	}
	// Many lines that fit are split by what the server takes, not by MaxBytes.
	for range 20 {
		if _, err := batcher.Add(ctx, bus.Observed("home"), make([]byte, 10<<10)); err != nil {
			t.Fatal(err)
		}
	}
	if err := batcher.Flush(ctx); err != nil {
		t.Errorf("Flush() = %v", err)
	}
}

func TestPublishToNoStream(t *testing.T) {
	b := natstest.Bus(t)
	ctx := within(t, 300*time.Millisecond)
	_, err := b.Publish(ctx, "elsewhere", []byte("{}\n"))
	if !errors.Is(err, bus.ErrNoStream) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), `"elsewhere"`) {
		t.Errorf("Publish() = %v, want ErrNoStream, the end of the context and the subject", err)
	}
}

func TestPublishAfterClose(t *testing.T) {
	noLeak(t)
	ctx := within(t, 10*time.Second)
	b := natstest.Bus(t)
	b.Close()
	b.Close()
	if _, err := b.Publish(ctx, bus.Observed("home"), nil); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("Publish() = %v, want ErrClosed", err)
	}
	if err := b.Healthy(); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("Healthy() = %v, want ErrClosed", err)
	}
	sub := bus.Subscription{Stream: bus.StreamObserved, Durable: "enrich"}
	if err := b.Subscribe(ctx, sub, nil); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("Subscribe() = %v, want ErrClosed", err)
	}
	if _, err := b.LastSeq(ctx, bus.StreamObserved); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("LastSeq() = %v, want ErrClosed", err)
	}
}
