package report

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestConfigValidate(t *testing.T) {
	f := func(want string, change func(*Config)) {
		t.Helper()
		cfg := DefaultConfig()
		change(&cfg)
		err := cfg.Validate()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("Validate() = %v, want %q", err, want)
		}
	}
	f("", func(*Config) {})
	f("", func(c *Config) { c.Hosts = []string{"knocks.example", "192.0.2.1", "2001:db8::1"} })
	f("listen", func(c *Config) { c.Listen = "8080" })
	f("hosts", func(c *Config) { c.Hosts = []string{"http://knocks.example"} })
	f("hosts", func(c *Config) { c.Hosts = []string{"knocks.example:8080"} })
	f("hosts", func(c *Config) { c.Hosts = []string{""} })
	f("query_timeout", func(c *Config) { c.QueryTimeout = 0 })
	f("drain", func(c *Config) { c.Drain = 0 })
	f("queries", func(c *Config) { c.Queries = 0 })
	f("source_rows", func(c *Config) { c.SourceRows = MaxRows })
	f("connections", func(c *Config) { c.QueryTimeout, c.Connections = 0, 0 }) // every mistake
}

// TestRun serves two pages in one process, as two services would, and leaves
// nothing behind.
func TestRun(t *testing.T) {
	for range 2 {
		cfg := DefaultConfig()
		cfg.Listen = "127.0.0.1:0"
		reg := prometheus.NewRegistry()
		s, err := newService(cfg, fakeTables(), slog.New(slog.DiscardHandler), reg)
		if err != nil {
			t.Fatal(err)
		}
		if s.URL() != "" {
			t.Errorf("URL() = %q before Run", s.URL())
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		select {
		case <-s.Ready():
		case err := <-done:
			t.Fatal(err)
		}
		r, err := http.Get(s.URL())
		if err != nil {
			t.Fatal(err)
		}
		page, _ := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if r.StatusCode != http.StatusOK || !strings.Contains(string(page), "Akamai") {
			t.Errorf("GET %s = %d\n%s", s.URL(), r.StatusCode, page)
		}
		want := `
# HELP whoknocks_report_http_requests_total Requests for the page, by route and status.
# TYPE whoknocks_report_http_requests_total counter
whoknocks_report_http_requests_total{route="page",status="200"} 1
`
		if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "whoknocks_report_http_requests_total"); err != nil {
			t.Error(err)
		}
		if n, err := testutil.GatherAndCount(reg, "whoknocks_report_query_seconds"); n != 3 || err != nil {
			t.Errorf("%d queries are measured (%v), want 3", n, err)
		}
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Run() = %v, want nil after a stop", err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("Run() does not return")
		}
		if _, err := http.Get(s.URL()); err == nil {
			t.Error("the page is still served")
		}
	}
}

func TestRunAddressInUse(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Listen = "127.0.0.1:0"
	first, err := newService(cfg, fakeTables(), slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- first.Run(ctx) }()
	<-first.Ready()
	cfg.Listen = strings.TrimSuffix(strings.TrimPrefix(first.URL(), "http://"), "/")
	second, err := newService(cfg, fakeTables(), slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Run(ctx); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("Run() = %v, want that the address is in use", err)
	}
	cancel()
	if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestNewRefuses(t *testing.T) {
	reg := prometheus.NewRegistry()
	if _, err := newService(Config{}, fakeTables(), slog.New(slog.DiscardHandler), reg); err == nil {
		t.Error("an empty configuration is accepted")
	}
	for _, ok := range []bool{true, false} { // the second time the metrics are there already
		if _, err := newService(DefaultConfig(), fakeTables(), slog.New(slog.DiscardHandler), reg); (err == nil) != ok {
			t.Errorf("New() = %v, want success %v", err, ok)
		}
	}
}
