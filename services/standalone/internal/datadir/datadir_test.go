package datadir

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func own(t *testing.T, dir string) *Owner {
	t.Helper()
	o, err := Own(dir)
	if err != nil || o == nil {
		t.Fatalf("Own() = %v, %v; want an owner", o, err)
	}
	return o
}

func TestOneOwner(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	first := own(t, dir)
	second, err := Own(dir)
	if second != nil || err != nil {
		t.Fatalf("second Own() = %v, %v; want nil, nil", second, err)
	}
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	own(t, dir)
}

func TestJoin(t *testing.T) {
	dir := t.TempDir()
	o := own(t, dir)
	need := Endpoints{Bus: "x"}
	if _, err := Join(dir, need); !errors.Is(err, ErrAway) {
		t.Fatalf("Join() before Announce = %v, want ErrAway", err)
	}
	if err := o.Announce(Endpoints{ClickHouse: "http://c"}); err != nil {
		t.Fatal(err)
	}
	if _, err := Join(dir, need); !errors.Is(err, ErrAway) {
		t.Fatalf("Join() of an owner without a bus = %v, want ErrAway", err)
	}
	if err := o.Announce(Endpoints{Bus: "nats://b", ClickHouse: "http://c"}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, endpoints))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("endpoints file mode = %v, %v; want 0600", info.Mode(), err)
	}
	c, err := Join(dir, need)
	if err != nil {
		t.Fatal(err)
	}
	if c.Bus != "nats://b" || c.PID != os.Getpid() {
		t.Fatalf("Join() = %+v", c.Endpoints)
	}
}

func TestRetireWaitsForClients(t *testing.T) {
	dir := t.TempDir()
	o := own(t, dir)
	if err := o.Announce(Endpoints{Bus: "nats://b"}); err != nil {
		t.Fatal(err)
	}
	c, err := Join(dir, Endpoints{})
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 3*poll)
	defer cancel()
	if err := o.Retire(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Retire() beside a client = %v, want a deadline", err)
	}
	if _, err := Join(dir, Endpoints{}); !errors.Is(err, ErrAway) {
		t.Fatalf("Join() of a retiring owner = %v, want ErrAway", err)
	}
	if err := c.Leave(); err != nil {
		t.Fatal(err)
	}
	if err := o.Retire(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestOwnOrJoinTakesOverWhenTheOwnerGoes(t *testing.T) {
	dir := t.TempDir()
	o := own(t, dir)
	got := make(chan error, 1)
	go func() {
		next, client, err := OwnOrJoin(context.Background(), dir, Endpoints{Bus: "x"})
		if err == nil && (next == nil || client != nil) {
			err = errors.New("joined instead of owning")
		}
		got <- err
	}()
	select {
	case err := <-got:
		t.Fatalf("OwnOrJoin() returned beside an owner: %v", err)
	case <-time.After(3 * poll):
	}
	if err := o.Release(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Fatal(err)
	}
}
