package natsd_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/natsd/natstest"
)

// replay reads n messages of a stream with a reader of its own.
func replay(t testing.TB, b *bus.Bus, stream string, n int) (out []*bus.Message) {
	t.Helper()
	var mu sync.Mutex
	stop := subscribe(t, func(ctx context.Context) error {
		return b.Subscribe(ctx, bus.Subscription{Stream: stream, Durable: "replay"}, func(_ context.Context, m *bus.Message) error {
			mu.Lock()
			defer mu.Unlock()
			out = append(out, m)
			return nil
		})
	})
	eventually(t, fmt.Sprintf("%d messages of %s came", n, stream), func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(out) >= n
	})
	stop()
	return out
}

func TestBatcherClosesBatches(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := natstest.Start(t)
	b := natstest.Connect(t, srv)
	long := 10 * time.Minute
	f := func(name string, cfg bus.BatcherConfig, flush bool, lines string, want ...string) {
		t.Helper()
		before, err := b.LastSeq(ctx, bus.StreamEnriched)
		if err != nil {
			t.Fatal(err)
		}
		batcher := b.NewBatcher(cfg)
		defer batcher.Close()
		var batches []*bus.Batch
		for _, line := range strings.Fields(lines) {
			sensor, _, _ := strings.Cut(line, ":")
			batch, err := batcher.Add(ctx, bus.Enriched(sensor), []byte(line))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			batches = append(batches, batch)
		}
		if flush {
			if err := batcher.Flush(ctx); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		for _, batch := range batches {
			<-batch.Done()
			if batch.Err() != nil || batch.Seq() <= before || batch.Events() == 0 {
				t.Errorf("%s: Err() = %v, Seq() = %d, Events() = %d", name, batch.Err(), batch.Seq(), batch.Events())
			}
		}
		last, err := b.LastSeq(ctx, bus.StreamEnriched)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range replay(t, b, bus.StreamEnriched, int(last-before)) {
			got = append(got, strings.ReplaceAll(string(m.Data), "\n", ","))
			if m.Header["Content-Type"][0] != bus.ContentType || !bytes.HasPrefix(m.Data, []byte(m.Sensor+":")) {
				t.Errorf("%s: message of sensor %q holds %q, headers %v", name, m.Sensor, m.Data, m.Header)
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: batches are %q, want %q", name, got, want)
		}
	}
	f("by count", bus.BatcherConfig{MaxEvents: 2, Linger: long}, false, "a:1 a:2 a:3 a:4", "a:1,a:2,", "a:3,a:4,")
	f("by bytes", bus.BatcherConfig{MaxBytes: 9, Linger: long}, true, "a:1 a:2 a:3", "a:1,a:2,", "a:3,")
	f("by bytes exactly", bus.BatcherConfig{MaxBytes: 8, Linger: long}, false, "a:1 a:2", "a:1,a:2,")
	f("a long line alone", bus.BatcherConfig{MaxBytes: 9, Linger: long}, true, "a:1 a:2345678901234 a:3", "a:1,", "a:2345678901234,", "a:3,")
	f("by linger", bus.BatcherConfig{Linger: 20 * time.Millisecond}, false, "a:1 a:2", "a:1,a:2,")
	f("by subject", bus.BatcherConfig{MaxEvents: 2, Linger: long}, false, "a:1 b:1 a:2 b:2", "a:1,a:2,", "b:1,b:2,")
}

// With many sensors not every one can gather: the oldest batch has to go.
func TestBatcherBoundsOpenBatches(t *testing.T) {
	ctx := within(t, 20*time.Second)
	b := natstest.Bus(t)
	batcher := b.NewBatcher(bus.BatcherConfig{InFlight: 1, Linger: 10 * time.Minute})
	defer batcher.Close()
	var batches []*bus.Batch
	for i := range 6 {
		batch, err := batcher.Add(ctx, bus.Enriched(fmt.Sprint("s", i)), line(i))
		if err != nil {
			t.Fatal(err)
		}
		batches = append(batches, batch)
	}
	<-batches[0].Done()
	<-batches[1].Done()
	for i, batch := range batches[2:] {
		select {
		case <-batch.Done():
			t.Errorf("batch %d was sent although 4 may gather", i+2)
		default:
		}
	}
}

func TestBatcherKeepsOrder(t *testing.T) {
	ctx := within(t, 20*time.Second)
	b := natstest.Bus(t)
	batcher := b.NewBatcher(bus.BatcherConfig{MaxEvents: 1})
	defer batcher.Close()
	for i := range 200 {
		if _, err := batcher.Add(ctx, bus.Enriched("home"), line(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := batcher.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	for i, m := range replay(t, b, bus.StreamEnriched, 200) {
		if got, want := string(m.Data), string(line(i))+"\n"; got != want {
			t.Fatalf("message %d is %q, want %q", i, got, want)
		}
	}
}

// TestBatcherGivesWay: batches wait for a reader that falls behind, and for none
// that does nothing.
func TestBatcherGivesWay(t *testing.T) {
	ctx := within(t, 60*time.Second)
	b := natstest.Bus(t)
	const ahead, size = 64 << 10, 4 << 10
	batcher := b.NewBatcher(bus.BatcherConfig{MaxEvents: 1, InFlight: 2, Ahead: ahead})
	defer batcher.Close()
	send := func(n int) {
		t.Helper()
		for range n {
			if _, err := batcher.Add(ctx, bus.Observed("home"), bytes.Repeat([]byte{'x'}, size)); err != nil {
				t.Fatal(err)
			}
		}
		if err := batcher.Flush(ctx); err != nil {
			t.Fatal(err)
		}
	}
	send(40) // nobody reads
	var most uint64
	stop := subscribe(t, func(ctx context.Context) error {
		return b.Subscribe(ctx, bus.Subscription{Stream: bus.StreamObserved, Durable: "slow", MaxBytes: size}, func(context.Context, *bus.Message) error {
			s := b.Stats()
			if s.Acked > 40 { // what lay there is taken off
				most = max(most, s.Published-s.Acked)
			}
			time.Sleep(2 * time.Millisecond)
			return nil
		})
	})
	send(400)
	stop()
	if limit := uint64(ahead/size + ahead/size/2); most > limit || most < 4 {
		t.Errorf("the reader was up to %d messages behind, want 4 to %d", most, limit)
	}
}

func TestBatcherBlocksWhileInFlight(t *testing.T) {
	noLeak(t)
	ctx := within(t, 30*time.Second)
	srv := natstest.Start(t)
	b := natstest.Connect(t, srv, func(c *bus.Config) { c.ObservedBytes = 1 << 10 })
	batcher := b.NewBatcher(bus.BatcherConfig{MaxEvents: 1, InFlight: 2})
	t.Cleanup(batcher.Close)
	var batches []*bus.Batch
	var err error
	for len(batches) < 100 {
		brief, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		var batch *bus.Batch
		batch, err = batcher.Add(brief, bus.Observed("home"), bytes.Repeat([]byte("x"), 400))
		cancel()
		if err != nil {
			break
		}
		batches = append(batches, batch)
	}
	// Two fit the stream, two are in flight, one waits to be sent.
	if !errors.Is(err, context.DeadlineExceeded) || len(batches) > 5 {
		t.Fatalf("Add() took %d batches and then %v, want at most 5 and the end of the context", len(batches), err)
	}
	if err := batcher.Flush(within(t, 50*time.Millisecond)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Flush() into a full stream = %v, want the end of the context", err)
	}
	select {
	case <-batches[len(batches)-1].Done():
		t.Error("a batch is done that the server has not stored")
	default:
	}
	batcher.Close()
	for i, batch := range batches {
		<-batch.Done()
		if stored := i < 2; stored != (batch.Err() == nil) || !stored && !errors.Is(batch.Err(), bus.ErrClosed) {
			t.Errorf("batch %d: Err() = %v", i, batch.Err())
		}
	}
	if _, err := batcher.Add(ctx, bus.Observed("home"), nil); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("Add() = %v, want ErrClosed", err)
	}
}

func TestBatcherIsSafeForConcurrentUse(t *testing.T) {
	noLeak(t)
	ctx := within(t, 30*time.Second)
	b := natstest.Bus(t)
	batcher := b.NewBatcher(bus.BatcherConfig{MaxEvents: 7, Linger: time.Millisecond, InFlight: 2})
	t.Cleanup(batcher.Close)
	const writers, each = 8, 500
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				batch, err := batcher.Add(ctx, bus.Observed(fmt.Sprint("s", w%3)), line(w*each+i))
				if err != nil {
					t.Error(err)
					return
				}
				if i%100 == 0 {
					<-batch.Done()
				}
			}
			if err := batcher.Flush(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var got tally
	last, err := b.LastSeq(ctx, bus.StreamObserved)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range replay(t, b, bus.StreamObserved, int(last)) {
		got.add(m.Data)
	}
	if miss := got.missing(writers * each); len(miss) > 0 || got.distinct() != writers*each {
		t.Errorf("%d of %d lines arrived, %d are missing", got.distinct(), writers*each, len(miss))
	}
}
