package natsd_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/natsd"
	"github.com/whoknocks/whoknocks/pkg/natsd/natstest"
)

// within is the context of one test: what has not happened by then never will.
func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits until done, and fails the test where that takes too long.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("waited 20 s in vain until %s", what)
}

// publish sends data to subject or fails the test.
func publish(ctx context.Context, t testing.TB, b *bus.Bus, subject, data string) uint64 {
	t.Helper()
	seq, err := b.Publish(ctx, subject, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

// subscribe runs f beside the test and returns how to end it. Ending it fails
// the test where f does not return nil then.
func subscribe(t testing.TB, f func(ctx context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-done:
				if err != nil {
					t.Errorf("subscription ended with %v, want nil", err)
				}
			case <-time.After(20 * time.Second):
				t.Error("subscription did not end within 20 s of its context")
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

// tally counts lines and who saw them.
type tally struct {
	mu   sync.Mutex
	seen map[string]int
}

// count reads OBSERVED as enrich does, until the test ends.
func count(t testing.TB, b *bus.Bus) *tally {
	t.Helper()
	var c tally
	subscribe(t, func(ctx context.Context) error {
		sub := bus.Subscription{Stream: bus.StreamObserved, Durable: "enrich", AckWait: time.Second, MaxMsgs: 20}
		return b.SubscribeBatch(ctx, sub, func(_ context.Context, group []*bus.Message) error {
			for _, m := range group {
				c.add(m.Data)
			}
			return nil
		})
	})
	return &c
}

func (c *tally) add(data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen = make(map[string]int)
	}
	for line := range bytes.Lines(data) {
		c.seen[strings.TrimSpace(string(line))]++
	}
}

func (c *tally) distinct() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.seen)
}

func (c *tally) of(line string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen[line]
}

// missing lists which of the n lines that line(i) makes were never seen.
func (c *tally) missing(n int) (out []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range n {
		if c.seen[string(line(i))] == 0 {
			out = append(out, i)
		}
	}
	return out
}

func line(i int) []byte { return fmt.Appendf(nil, `{"v":1,"n":%d}`, i) }

// fixedPort is Config on a port that stays the same over restarts.
func fixedPort(t testing.TB) natsd.Config {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := natstest.Config(t)
	cfg.Port = l.Addr().(*net.TCPAddr).Port
	l.Close()
	return cfg
}

// noLeak fails the test where goroutines of package bus outlive it. Call it
// first, so that it looks last.
func noLeak(t testing.TB) {
	t.Helper()
	t.Cleanup(func() {
		var stacks string
		for range 100 {
			buf := make([]byte, 1<<20)
			stacks = string(buf[:runtime.Stack(buf, true)])
			if !strings.Contains(stacks, "pkg/bus.") {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Errorf("goroutines of package bus outlive the test:\n%s", stacks)
	})
}

// syncBuffer is a bytes.Buffer for a logger that runs beside the test.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
