package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// journal records what components do, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf(format, args...))
}

// component is ready after start and stops after stop.
func (j *journal) component(name string, start, stop time.Duration) Component {
	ready := make(chan struct{})
	return Component{Name: name, Ready: ready, Run: func(ctx context.Context) error {
		select {
		case <-time.After(start):
			j.add("%s ready", name)
			close(ready)
			<-ctx.Done()
		case <-ctx.Done():
		}
		time.Sleep(stop)
		j.add("%s stopped", name)
		return ctx.Err()
	}}
}

func (j *journal) want(t *testing.T, want ...string) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	if diff := cmp.Diff(want, j.lines); diff != "" {
		t.Errorf("order mismatch (-want +got)\n%s", diff)
	}
}

func TestGroupStartsInOrderStopsInReverse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		// The first is the slowest both ways: nothing overtakes it.
		err := All(ctx, nil,
			j.component("bus", 5*time.Second, 5*time.Second),
			j.component("engine", time.Second, time.Second),
			j.component("store", 0, 0))
		if err != nil {
			t.Errorf("All() = %v, want nil after an ordinary stop", err)
		}
		j.want(t, "bus ready", "engine ready", "store ready", "store stopped", "engine stopped", "bus stopped")
	})
}

func TestGroupFirstFailureStopsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		boom, later := errors.New("boom"), errors.New("later")
		err := All(t.Context(), nil,
			j.component("bus", 0, 0),
			Component{Name: "store", Run: func(context.Context) error { time.Sleep(time.Second); return boom }},
			Component{Name: "page", Run: func(ctx context.Context) error { <-ctx.Done(); return later }},
		)
		if !errors.Is(err, boom) || errors.Is(err, later) || err.Error() != "store: boom" {
			t.Errorf("All() = %v, want the first failure with its component", err)
		}
		j.want(t, "bus ready", "bus stopped")
	})
}

func TestGroupFailureWhileStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		boom := errors.New("boom")
		never := make(chan struct{})
		err := All(t.Context(), nil,
			j.component("bus", 0, 0),
			Component{Name: "engine", Ready: never, Run: func(context.Context) error { time.Sleep(time.Second); return boom }},
			j.component("store", 0, 0))
		if !errors.Is(err, boom) || err.Error() != "engine: boom" {
			t.Errorf("All() = %v, want engine: boom once", err)
		}
		j.want(t, "bus ready", "bus stopped")

		err = All(t.Context(), nil,
			Component{Name: "engine", Ready: never, Run: func(context.Context) error { return nil }})
		if err == nil || !strings.Contains(err.Error(), "engine: ended before it was ready") {
			t.Errorf("All() = %v, want an error about readiness", err)
		}

		// Something that started earlier fails while a later one gets ready.
		err = All(t.Context(), nil,
			Component{Name: "bus", Run: func(context.Context) error { time.Sleep(time.Second); return boom }},
			j.component("engine", time.Hour, 0))
		if err == nil || err.Error() != "bus: boom" {
			t.Errorf("All() = %v, want bus: boom", err)
		}
	})
}

func TestGroupStopWhileStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		never := make(chan struct{})
		err := All(ctx, nil,
			j.component("bus", 0, 0),
			Component{Name: "engine", Ready: never, Run: func(ctx context.Context) error { <-ctx.Done(); return nil }},
			j.component("store", 0, 0))
		if err != nil {
			t.Errorf("All() = %v, want nil: a stop is not a failure", err)
		}
		j.want(t, "bus ready", "bus stopped")
	})
}

func TestGroupDrainDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		release := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		g := NewGroup(ctx, nil)
		for _, c := range []Component{
			j.component("bus", 0, 0),
			{Name: "stuck", Drain: 3 * time.Second, Run: func(context.Context) error { <-release; return nil }},
		} {
			if err := g.Start(c); err != nil {
				t.Fatal(err)
			}
		}
		cancel()
		begin := time.Now()
		err := g.Wait()
		if !errors.Is(err, ErrDrain) || !strings.Contains(err.Error(), "stuck") {
			t.Errorf("Wait() = %v, want ErrDrain that names the component", err)
		}
		if took := time.Since(begin); took != 3*time.Second {
			t.Errorf("Wait() took %v, want the drain time of 3s", took)
		}
		j.want(t, "bus ready", "bus stopped") // still stopped in its turn
		close(release)
	})
}

func TestGroupEndsWhenAllAreDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done := Component{Name: "import", Run: func(context.Context) error { time.Sleep(time.Second); return nil }}
		if err := All(t.Context(), nil, done, done); err != nil {
			t.Errorf("All() = %v, want nil", err)
		}
	})
}

func TestGroupLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 10 {
		var j journal
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		if err := All(ctx, nil, j.component("a", 0, 0), j.component("b", 0, 0)); err != nil {
			t.Fatal(err)
		}
		cancel()
	}
	for wait := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; {
		if time.Now().After(wait) {
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
		time.Sleep(time.Millisecond)
	}
}

func TestFinish(t *testing.T) {
	f := func(err error, code int, text string) {
		t.Helper()
		var b bytes.Buffer
		if got := finish(&b, "store", err); got != code || b.String() != text {
			t.Errorf("finish(%v) = %d %q, want %d %q", err, got, b.String(), code, text)
		}
	}
	boom := errors.New("boom")
	f(nil, 0, "")
	f(boom, 1, "store: boom\n")
	f(Usage(boom), 2, "store: boom\n")
	f(fmt.Errorf("read: %w", Usage(boom)), 2, "store: read: boom\n")
	f(fmt.Errorf("read: %w", context.Canceled), 1, "store: interrupted\n")
	if Usage(nil) != nil || !errors.Is(Usage(boom), boom) {
		t.Error("Usage() does not keep nil or the error it marks")
	}
}
