package natsd_test

import (
	"context"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/natsd/natstest"
)

// TestInProcess passes a message over a connection without a socket, and expects
// it long before MaxAge: nothing comes after it.
func TestInProcess(t *testing.T) {
	srv := natstest.Start(t)
	cfg := bus.DefaultConfig()
	cfg.URL = "nats://127.0.0.1:1" // nobody is there
	b, err := bus.Connect(t.Context(), cfg, bus.WithInProcess(srv))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := b.Publish(t.Context(), bus.Enriched("home"), []byte("{}\n")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	began, got := time.Now(), 0
	err = b.SubscribeBatch(ctx, bus.Subscription{
		Stream: bus.StreamEnriched, Durable: "test", MaxAge: time.Minute, Idle: 10 * time.Millisecond,
	}, func(_ context.Context, msgs []*bus.Message) error {
		got += len(msgs)
		cancel()
		return nil
	})
	if err != nil || got != 1 {
		t.Errorf("SubscribeBatch() = %v with %d messages after %s, want 1", err, got, time.Since(began))
	}
}
