package natsd_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/natsd"
	"github.com/whoknocks/whoknocks/pkg/natsd/natstest"
)

var observed = bus.Subscription{Stream: bus.StreamObserved, Durable: "enrich"}

func TestSubscribeHandsFailuresOutAgain(t *testing.T) {
	noLeak(t)
	ctx := within(t, 30*time.Second)
	b := natstest.Bus(t)
	seq := publish(ctx, t, b, bus.Observed("home"), "{}\n")
	var mu sync.Mutex
	var at []time.Time
	var delivered []int
	subscribe(t, func(ctx context.Context) error {
		return b.Subscribe(ctx, observed, func(_ context.Context, m *bus.Message) error {
			mu.Lock()
			defer mu.Unlock()
			at = append(at, time.Now())
			delivered = append(delivered, m.Delivered)
			switch len(at) {
			case 1:
				return errors.New("not now")
			case 2, 3:
				panic("never expected")
			}
			return nil
		})
	})
	if err := b.Await(ctx, bus.StreamObserved, "enrich", seq); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff([]int{1, 2, 3, 4}, delivered); diff != "" {
		t.Fatalf("Delivered mismatch (-want +got)\n%s", diff)
	}
	// The delay is between half and the whole of 250, 500, 1000 ms.
	for i, step := range []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second} {
		if got := at[i+1].Sub(at[i]); got < step/2 || got > step+time.Second {
			t.Errorf("delay %d is %s, want about %s", i+1, got, step)
		}
	}
	if s := b.Stats(); s.HandlerErrors != 3 || s.HandlerPanics != 2 || s.Nacked != 3 || s.Acked != 1 || s.Redelivered != 3 {
		t.Errorf("Stats() = %+v", s)
	}
}

func TestSubscribeMovesDeadMessages(t *testing.T) {
	ctx := within(t, 30*time.Second)
	b := natstest.Bus(t)
	publish(ctx, t, b, bus.Observed("home"), "good\n")
	seq := publish(ctx, t, b, bus.Observed("home"), "bad\n")
	stop := subscribe(t, func(ctx context.Context) error {
		return b.Subscribe(ctx, observed, func(_ context.Context, m *bus.Message) error {
			if string(m.Data) == "bad\n" {
				return fmt.Errorf("%w: it says\r\n%s", bus.ErrDead, strings.Repeat("\x00é", 2000))
			}
			return nil
		})
	})
	if err := b.Await(ctx, bus.StreamObserved, "enrich", seq); err != nil {
		t.Fatal(err)
	}
	stop()
	dead := replay(t, b, bus.StreamDead, 1)
	if len(dead) != 1 {
		t.Fatalf("%d messages are dead, want 1", len(dead))
	}
	m := dead[0]
	reason := m.Header[bus.HeaderReason][0]
	if !strings.HasPrefix(reason, "message cannot be handled: it says  ") || len(reason) > 1100 || strings.ContainsAny(reason, "\x00\r\n") {
		t.Errorf("reason is %q", reason)
	}
	delete(m.Header, bus.HeaderReason)
	m.Time = time.Time{}
	want := &bus.Message{
		Subject: "dead.scans.observed.home", Sensor: "home", Stream: bus.StreamDead, Seq: 1, Delivered: 1, Data: []byte("bad\n"),
		Header: map[string][]string{
			"Content-Type":    {bus.ContentType},
			bus.HeaderStream:  {bus.StreamObserved},
			bus.HeaderSeq:     {"2"},
			bus.HeaderDurable: {"enrich"},
		},
	}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("dead message mismatch (-want +got)\n%s", diff)
	}
	if s := b.Stats(); s.Dead != 1 || s.Acked != 3 { // good, bad, and the dead one that was read here
		t.Errorf("Stats() = %+v", s)
	}
}

// A dead letter that cannot be kept is no reason to forget the message.
func TestSubscribeKeepsDeadMessagesWithoutRoom(t *testing.T) {
	ctx := within(t, 30*time.Second)
	b := natstest.Connect(t, natstest.Start(t), func(c *bus.Config) { c.DeadBytes = 1 << 10 })
	publish(ctx, t, b, bus.Observed("home"), strings.Repeat("x", 2<<10))
	sub := observed
	sub.Drain = 100 * time.Millisecond
	stop := subscribe(t, func(ctx context.Context) error {
		return b.Subscribe(ctx, sub, func(context.Context, *bus.Message) error { return bus.ErrDead })
	})
	eventually(t, "the full stream was noticed", func() bool { return b.Stats().PublishFull > 0 })
	stop()
	if floor, err := b.AckFloor(ctx, bus.StreamObserved, "enrich"); err != nil || floor != 0 {
		t.Errorf("AckFloor() = %d, %v, want 0", floor, err)
	}
	if s := b.Stats(); s.Acked != 0 || s.Dead != 0 || s.Nacked == 0 {
		t.Errorf("Stats() = %+v, want the message given back", s)
	}
}

func TestSubscribeSharesADurable(t *testing.T) {
	noLeak(t)
	ctx := within(t, 30*time.Second)
	srv := natstest.Start(t)
	first, second := natstest.Connect(t, srv), natstest.Connect(t, srv)
	var got tally
	var firsts, seconds atomic.Int64
	run := func(b *bus.Bus, n *atomic.Int64) {
		subscribe(t, func(ctx context.Context) error {
			return b.Subscribe(ctx, observed, func(_ context.Context, m *bus.Message) error {
				n.Add(1)
				got.add(m.Data)
				time.Sleep(time.Millisecond)
				return nil
			})
		})
	}
	run(first, &firsts)
	run(second, &seconds)
	const messages = 400
	var last uint64
	for i := range messages {
		last = publish(ctx, t, first, bus.Observed("home"), string(line(i)))
	}
	if err := first.Await(ctx, bus.StreamObserved, "enrich", last); err != nil {
		t.Fatal(err)
	}
	a, z := firsts.Load(), seconds.Load()
	if a+z != messages || got.distinct() != messages {
		t.Errorf("%d and %d messages were handled, %d of them different, want %d in all", a, z, got.distinct(), messages)
	}
	if a < messages/10 || z < messages/10 {
		t.Errorf("the replicas handled %d and %d messages, want both to work", a, z)
	}
}

// A handler may take much longer than AckWait, also for messages that wait
// behind it.
func TestSubscribeKeepsSlowMessages(t *testing.T) {
	ctx := within(t, 30*time.Second)
	srv := natstest.Start(t)
	b, other := natstest.Connect(t, srv), natstest.Connect(t, srv)
	sub := observed
	sub.AckWait = time.Second
	var last uint64
	for i := range 3 {
		last = publish(ctx, t, b, bus.Observed("home"), string(line(i)))
	}
	var got tally
	started := make(chan struct{}, 3)
	subscribe(t, func(ctx context.Context) error {
		return b.Subscribe(ctx, sub, func(_ context.Context, m *bus.Message) error {
			got.add(m.Data)
			started <- struct{}{}
			if m.Seq == 1 {
				time.Sleep(2500 * time.Millisecond)
			}
			return nil
		})
	})
	<-started
	subscribe(t, func(ctx context.Context) error {
		return other.Subscribe(ctx, sub, func(_ context.Context, m *bus.Message) error {
			got.add(m.Data)
			return nil
		})
	})
	if err := b.Await(ctx, bus.StreamObserved, "enrich", last); err != nil {
		t.Fatal(err)
	}
	if s, o := b.Stats(), other.Stats(); s.Redelivered != 0 || o.Redelivered != 0 || got.of(string(line(0))) != 1 {
		t.Errorf("%d and %d messages came again, want none", s.Redelivered, o.Redelivered)
	}
}

func TestSubscribeBatchClosesGroups(t *testing.T) {
	ctx := within(t, 60*time.Second)
	b := natstest.Bus(t)
	f := func(name string, sub bus.Subscription, messages string, want ...int) {
		t.Helper()
		sub.Stream, sub.Durable = bus.StreamEnriched, "store"
		var last uint64
		for _, m := range strings.Fields(messages) {
			last = publish(ctx, t, b, bus.Enriched("home"), m)
		}
		var mu sync.Mutex
		var got []int
		stop := subscribe(t, func(ctx context.Context) error {
			return b.SubscribeBatch(ctx, sub, func(_ context.Context, group []*bus.Message) error {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, len(group))
				return nil
			})
		})
		if err := b.Await(ctx, bus.StreamEnriched, "store", last); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		stop()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: sizes of groups mismatch (-want +got)\n%s", name, diff)
		}
	}
	age := 10 * time.Minute
	f("by number", bus.Subscription{MaxMsgs: 2, MaxAge: age}, "a a a a", 2, 2)
	f("by bytes", bus.Subscription{MaxBytes: 3, MaxAge: age}, "a aa aa aaa", 2, 1, 1)
	f("larger than bytes", bus.Subscription{MaxBytes: 3, MaxAge: age}, "a aaaaaaaaaaaa aaa", 1, 1, 1)
	f("by age", bus.Subscription{MaxAge: 300 * time.Millisecond}, "a a a", 3)
}

// What is dead by itself must not take its group along.
func TestSubscribeBatchSplitsDeadGroups(t *testing.T) {
	ctx := within(t, 30*time.Second)
	b := natstest.Bus(t)
	var last uint64
	for i := range 10 {
		last = publish(ctx, t, b, bus.Observed("home"), string(line(i)))
	}
	var good tally
	subscribe(t, func(ctx context.Context) error {
		return b.SubscribeBatch(ctx, observed, func(_ context.Context, group []*bus.Message) error {
			for _, m := range group {
				if m.Seq == 4 {
					return fmt.Errorf("cannot read it: %w", bus.ErrDead)
				}
			}
			for _, m := range group {
				good.add(m.Data)
			}
			return nil
		})
	})
	if err := b.Await(ctx, bus.StreamObserved, "enrich", last); err != nil {
		t.Fatal(err)
	}
	if n := good.distinct(); n != 9 {
		t.Errorf("%d messages were handled, want all 9 that are not dead", n)
	}
	if dead := replay(t, b, bus.StreamDead, 1); len(dead) != 1 || !bytes.Equal(dead[0].Data, line(3)) {
		t.Errorf("dead are %d messages, want the fourth only", len(dead))
	}
}

// A message that fails for ever, without being dead, must not keep others from
// being handled.
func TestSubscribeBatchGetsPastAFailingMessage(t *testing.T) {
	ctx := within(t, 40*time.Second)
	b := natstest.Bus(t)
	for i := range 10 {
		publish(ctx, t, b, bus.Observed("home"), string(line(i)))
	}
	var good tally
	subscribe(t, func(ctx context.Context) error {
		return b.SubscribeBatch(ctx, observed, func(_ context.Context, group []*bus.Message) error {
			for _, m := range group {
				if m.Seq == 4 {
					return errors.New("always")
				}
			}
			for _, m := range group {
				good.add(m.Data)
			}
			return nil
		})
	})
	eventually(t, "the nine others were handled", func() bool { return good.distinct() == 9 })
}

func TestSubscribeDrains(t *testing.T) {
	noLeak(t)
	ctx := within(t, 30*time.Second)
	b := natstest.Bus(t)
	for i := range 20 {
		publish(ctx, t, b, bus.Observed("home"), string(line(i)))
	}
	started := make(chan struct{})
	var calls atomic.Int64
	stop := subscribe(t, func(ctx context.Context) error {
		return b.Subscribe(ctx, observed, func(ctx context.Context, m *bus.Message) error {
			calls.Add(1)
			close(started)
			time.Sleep(300 * time.Millisecond)
			return ctx.Err() // nil, although the subscription is to end
		})
	})
	<-started
	stop()
	if calls.Load() != 1 {
		t.Errorf("%d messages were handled after the end, want none", calls.Load()-1)
	}
	if floor, err := b.AckFloor(ctx, bus.StreamObserved, "enrich"); err != nil || floor != 1 {
		t.Errorf("AckFloor() = %d, %v, want the message that was being handled", floor, err)
	}
	// The others were given back, so that nobody has to wait until AckWait is over.
	begin := time.Now()
	replay := subscribe(t, func(ctx context.Context) error {
		return b.Subscribe(ctx, observed, func(context.Context, *bus.Message) error { return nil })
	})
	if err := b.Await(ctx, bus.StreamObserved, "enrich", 20); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("the others came after %s, want at once", d)
	}
	replay()
}

func TestSubscribeEndsHandlersAfterDrain(t *testing.T) {
	ctx := within(t, 30*time.Second)
	b := natstest.Bus(t)
	publish(ctx, t, b, bus.Observed("home"), "{}\n")
	sub := observed
	sub.Drain = 50 * time.Millisecond
	started := make(chan struct{})
	stop := subscribe(t, func(ctx context.Context) error {
		return b.Subscribe(ctx, sub, func(ctx context.Context, _ *bus.Message) error {
			close(started)
			<-ctx.Done()
			return ctx.Err()
		})
	})
	<-started
	stop()
}

func TestSubscribeRunsHandlersInParallel(t *testing.T) {
	ctx := within(t, 30*time.Second)
	b := natstest.Bus(t)
	sub := observed
	sub.InFlight = 3
	var running sync.WaitGroup
	running.Add(3)
	var last uint64
	for i := range 3 {
		last = publish(ctx, t, b, bus.Observed("home"), string(line(i)))
	}
	subscribe(t, func(ctx context.Context) error {
		return b.Subscribe(ctx, sub, func(context.Context, *bus.Message) error {
			running.Done()
			running.Wait() // for the two others
			return nil
		})
	})
	if err := b.Await(ctx, bus.StreamObserved, "enrich", last); err != nil {
		t.Fatal(err)
	}
}

func TestNewcomerReplaysEnriched(t *testing.T) {
	ctx := within(t, 30*time.Second)
	b := natstest.Bus(t)
	for i := range 50 {
		publish(ctx, t, b, bus.Enriched("home"), string(line(i)))
	}
	subscribe(t, func(ctx context.Context) error {
		sub := bus.Subscription{Stream: bus.StreamEnriched, Durable: "store"}
		return b.Subscribe(ctx, sub, func(context.Context, *bus.Message) error { return nil })
	})
	if err := b.Await(ctx, bus.StreamEnriched, "store", 50); err != nil {
		t.Fatal(err)
	}
	var got tally
	for _, m := range replay(t, b, bus.StreamEnriched, 50) {
		got.add(m.Data)
	}
	if miss := got.missing(50); len(miss) != 0 {
		t.Errorf("a newcomer missed %v of what was handled before", miss)
	}
}

func TestSubscribeWithoutNameSeesWhatIsNew(t *testing.T) {
	ctx := within(t, 30*time.Second)
	cfg := fixedPort(t)
	srv := natstest.StartWith(t, cfg)
	b := natstest.Connect(t, srv)
	publish(ctx, t, b, bus.Enriched("home"), "old")
	var got tally
	stop := subscribe(t, func(ctx context.Context) error {
		return b.Subscribe(ctx, bus.Subscription{Stream: bus.StreamEnriched, Filter: "scans.enriched.>"}, func(_ context.Context, m *bus.Message) error {
			got.add(m.Data)
			return nil
		})
	})
	eventually(t, "something new came", func() bool {
		publish(ctx, t, b, bus.Enriched("home"), "new")
		return got.of("new") > 0
	})
	srv.Shutdown()
	srv = natstest.StartWith(t, cfg)
	publish(ctx, t, b, bus.Enriched("home"), "after")
	eventually(t, "the message after a restart came", func() bool { return got.of("after") > 0 })
	srv.Shutdown()
	cfg.Dir = t.TempDir()
	natstest.StartWith(t, cfg)
	publish(ctx, t, b, bus.Enriched("home"), "afresh")
	eventually(t, "the message of an empty server came", func() bool { return got.of("afresh") > 0 })
	stop()
	if got.of("old") != 0 {
		t.Error("a message from before the subscription came")
	}
}

func TestSubscribeReportsWhatNoWaitingMends(t *testing.T) {
	ctx := within(t, 30*time.Second)
	b := natstest.Bus(t)
	subscribe(t, func(ctx context.Context) error {
		return b.Subscribe(ctx, observed, func(context.Context, *bus.Message) error { return nil })
	})
	publish(ctx, t, b, bus.Observed("home"), "{}\n")
	if err := b.Await(ctx, bus.StreamObserved, "enrich", 1); err != nil {
		t.Fatal(err)
	}
	f := func(want string, sub bus.Subscription) {
		t.Helper()
		err := b.Subscribe(ctx, sub, func(context.Context, *bus.Message) error { return nil })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Subscribe(%+v) = %v, want an error with %q", sub, err, want)
		}
	}
	f("gives each message to one durable only", bus.Subscription{Stream: bus.StreamObserved, Durable: "second"})
	f("outside the subjects", bus.Subscription{Stream: bus.StreamEnriched, Durable: "x", Filter: "scans.observed.home"})
	f("names no stream", bus.Subscription{})
	f("does not allow", bus.Subscription{Stream: bus.StreamEnriched, Durable: "a.b"})
	f("stream not found", bus.Subscription{Stream: "TYPO", Durable: "x"})
}

// The server loses everything, as when its disk is replaced, while the clients
// stay: they make what they need again and go on, and a message that has the
// sequence of an older one is not taken for it.
func TestSubscribeSurvivesAnEmptyServer(t *testing.T) {
	ctx := within(t, 40*time.Second)
	cfg := fixedPort(t)
	srv := natstest.StartWith(t, cfg)
	b := natstest.Connect(t, srv)
	var got tally
	release := make(chan struct{})
	subscribe(t, func(ctx context.Context) error {
		return b.Subscribe(ctx, observed, func(_ context.Context, m *bus.Message) error {
			got.add(m.Data)
			if string(m.Data) == "held" {
				<-release
			}
			return nil
		})
	})
	publish(ctx, t, b, bus.Observed("home"), "held")
	eventually(t, "the first message came", func() bool { return got.of("held") == 1 })
	srv.Shutdown()
	cfg.Dir = t.TempDir()
	close(release) // its acknowledgement has nowhere to go
	var err error
	if srv, err = natsd.Start(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Shutdown)
	seq := publish(ctx, t, b, bus.Observed("home"), "new")
	if seq != 1 {
		t.Fatalf("the first message of an empty server has sequence %d", seq)
	}
	eventually(t, "the message of the new stream came", func() bool { return got.of("new") == 1 })
	if err := b.Await(ctx, bus.StreamObserved, "enrich", seq); err != nil {
		t.Fatal(err)
	}
}
