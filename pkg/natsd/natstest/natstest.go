// Package natstest gives tests a real NATS server: a fresh one for each test, in
// a temporary directory, on a free port.
package natstest

import (
	"context"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/natsd"
)

// Config is what Start uses: small, on a free port, and without syncing to disk,
// which tests that kill no machine do not need. It is for tests that restart
// their server.
func Config(t testing.TB) natsd.Config {
	t.Helper()
	cfg := natsd.DefaultConfig()
	cfg.Dir = t.TempDir()
	cfg.Port = -1
	cfg.SyncAlways = false
	return cfg
}

// Start runs a server until the test ends.
func Start(t testing.TB) *natsd.Server {
	t.Helper()
	return StartWith(t, Config(t))
}

// StartWith is Start with another configuration.
func StartWith(t testing.TB, cfg natsd.Config) *natsd.Server {
	t.Helper()
	srv, err := natsd.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Shutdown)
	return srv
}

// Bus runs a server and returns a connection to it. Both end with the test.
func Bus(t testing.TB) *bus.Bus {
	t.Helper()
	return Connect(t, Start(t))
}

// Connect returns a connection to srv that ends with the test. The functions in
// change may set the configuration.
func Connect(t testing.TB, srv *natsd.Server, change ...func(*bus.Config)) *bus.Bus {
	t.Helper()
	cfg := bus.DefaultConfig()
	cfg.URL = srv.URL()
	cfg.Name = t.Name()
	for _, f := range change {
		f(&cfg)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	b, err := bus.Connect(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}
