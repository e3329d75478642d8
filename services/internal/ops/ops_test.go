package ops_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/services/internal/ops"
)

// serve runs a server on a free port until the test ends, and returns its
// address.
func serve(t *testing.T, health *ops.Health) string {
	t.Helper()
	reg := ops.NewRegistry("test", "v0")
	s, err := ops.New(ops.Config{Listen: "127.0.0.1:0"}, health, reg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run() = %v, want nil after a stop", err)
		}
	})
	return s.Addr()
}

func get(t *testing.T, addr, path string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestServer(t *testing.T) {
	var health ops.Health
	addr := serve(t, &health)
	f := func(path string, code int, text string) {
		t.Helper()
		if gotCode, got := get(t, addr, path); gotCode != code || !strings.Contains(got, text) {
			t.Errorf("GET %s = %d %q, want %d and %q", path, gotCode, got, code, text)
		}
	}
	f("/healthz", 200, "ok")
	f("/readyz", 200, "ok")
	f("/metrics", 200, `whoknocks_build_info{program="test",version="v0"} 1`)
	f("/metrics", 200, "go_goroutines")
	f("/metrics", 200, "process_resident_memory_bytes")
	f("/debug", 404, "")

	health.Set("bus", func(context.Context) error { return errors.New("no server") })
	health.Set("clickhouse", func(context.Context) error { return nil })
	f("/healthz", 200, "ok") // alive all the same
	f("/readyz", 503, "bus: no server\nclickhouse: ok\n")
	health.Set("bus", func(context.Context) error { return nil })
	f("/readyz", 200, "bus: ok\nclickhouse: ok\n")
	health.Remove("bus")
	f("/readyz", 200, "clickhouse: ok\n")
}

func TestResultsDoNotWaitForASlowCheck(t *testing.T) {
	var health ops.Health
	release := make(chan struct{})
	defer close(release)
	health.Set("slow", func(context.Context) error { <-release; return nil })
	health.Set("quick", func(context.Context) error { return nil })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	results := health.Results(ctx)
	if len(results) != 2 || results[0].Err != nil || results[1].Name != "slow" || results[1].Err == nil {
		t.Errorf("Results() = %v, want quick well and slow not", results)
	}
}

func TestProbe(t *testing.T) {
	var health ops.Health
	addr := serve(t, &health)
	if err := ops.Probe(t.Context(), addr); err != nil {
		t.Errorf("Probe() = %v, want nil", err)
	}
	_, port, _ := strings.Cut(addr, ":")
	for _, all := range []string{":", "0.0.0.0:"} {
		if err := ops.Probe(t.Context(), all+port); err != nil {
			t.Errorf("Probe(%q) = %v, want nil", all+port, err)
		}
	}
	health.Set("bus", func(context.Context) error { return errors.New("no server") })
	if err := ops.Probe(t.Context(), addr); !errors.Is(err, ops.ErrNotReady) || !strings.Contains(err.Error(), "bus: no server") {
		t.Errorf("Probe() = %v, want ErrNotReady and why", err)
	}
	for _, bad := range []string{"", "nowhere", "127.0.0.1:1"} {
		if err := ops.Probe(t.Context(), bad); err == nil {
			t.Errorf("Probe(%q) = nil, want an error", bad)
		}
	}
}

func TestNewRefusesAnAddressInUse(t *testing.T) {
	var health ops.Health
	addr := serve(t, &health)
	if _, err := ops.New(ops.Config{Listen: addr}, &health, ops.NewRegistry("a", "b"), slog.New(slog.DiscardHandler)); err == nil {
		t.Errorf("New(%q) = nil, want an error: it is in use", addr)
	}
}

func TestConfig(t *testing.T) {
	if err := ops.DefaultConfig().Validate(); err != nil {
		t.Errorf("the default is refused: %v", err)
	}
	if err := (ops.Config{}).Validate(); err != nil {
		t.Errorf("no listener is refused: %v", err)
	}
	if err := (ops.Config{Listen: "9464"}).Validate(); err == nil {
		t.Error("a port without colon is accepted")
	}
}
