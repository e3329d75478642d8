package natsd_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/natsd/natstest"
)

// While the server is away nobody may burn the processor asking for it.
func TestAwayIsQuiet(t *testing.T) {
	noLeak(t)
	ctx := within(t, 30*time.Second)
	cfg := fixedPort(t)
	srv := natstest.StartWith(t, cfg)
	b := natstest.Connect(t, srv)
	var got tally
	subscribe(t, func(ctx context.Context) error {
		return b.Subscribe(ctx, observed, func(_ context.Context, m *bus.Message) error {
			got.add(m.Data)
			return nil
		})
	})
	publish(ctx, t, b, bus.Observed("home"), "before")
	eventually(t, "the first message came", func() bool { return got.of("before") == 1 })
	srv.Shutdown()
	before := cpu(t)
	published := make(chan error, 1)
	go func() {
		_, err := b.Publish(ctx, bus.Observed("home"), []byte("after"))
		published <- err
	}()
	time.Sleep(1500 * time.Millisecond)
	if used := cpu(t) - before; used > 500*time.Millisecond {
		t.Errorf("waiting 1.5 s for the server took %s of processor time", used)
	}
	if n := b.Stats().PublishRetries; n > 30 {
		t.Errorf("%d attempts to publish in 1.5 s, want a few", n)
	}
	natstest.StartWith(t, cfg)
	if err := <-published; err != nil {
		t.Error(err)
	}
	eventually(t, "the message came after the server", func() bool { return got.of("after") == 1 })
}

// cpu is the processor time this process has used.
func cpu(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
