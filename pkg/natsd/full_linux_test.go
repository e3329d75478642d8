package natsd_test

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/natsd/natstest"
)

// The disk runs full, somebody makes room, and everything goes on by itself.
func TestServerComesBackAfterAFullDisk(t *testing.T) {
	ctx := within(t, 60*time.Second)
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=40m"); err != nil {
		t.Skipf("a small disk needs the right to mount one: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 24<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := natstest.Config(t)
	cfg.Dir = filepath.Join(dir, "nats")
	srv := natstest.StartWith(t, cfg)
	b := natstest.Connect(t, srv)
	data := make([]byte, 500<<10)
	rand.Read(data)
	stored := 0
	for {
		brief, cancel := context.WithTimeout(ctx, time.Second)
		_, err := b.Publish(brief, bus.Enriched("home"), data)
		cancel()
		if err != nil {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			break
		}
		stored++
	}
	if err := srv.Healthy(); err == nil {
		t.Error("Healthy() = nil although the disk is full")
	}
	waiting := make(chan error, 1)
	go func() {
		_, err := b.Publish(ctx, bus.Enriched("home"), data)
		waiting <- err
	}()
	time.Sleep(50 * time.Millisecond)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := <-waiting; err != nil {
		t.Fatalf("Publish() = %v, want it to go on after there is room", err)
	}
	// The new server takes messages a moment before Healthy asks it.
	eventually(t, "the server is healthy after there is room", func() bool { return srv.Healthy() == nil })
	if got := len(replay(t, b, bus.StreamEnriched, stored+1)); got < stored+1 {
		t.Errorf("%d messages are there, want the %d that were acknowledged", got, stored+1)
	}
}
