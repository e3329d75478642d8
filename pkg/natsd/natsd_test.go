package natsd_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/natsd"
	"github.com/whoknocks/whoknocks/pkg/natsd/natstest"
)

func natsAddr(cfg natsd.Config) string { return net.JoinHostPort(cfg.Host, strconv.Itoa(cfg.Port)) }

func TestStartSaysWhatIsWrong(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	blocked := t.TempDir()
	if err := os.WriteFile(filepath.Join(blocked, "jetstream"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(want string, change func(*natsd.Config)) {
		t.Helper()
		cfg := natstest.Config(t)
		change(&cfg)
		srv, err := natsd.Start(cfg)
		if err == nil {
			srv.Shutdown()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Start() = %v, want an error with %q", err, want)
		}
	}
	f("address already in use", func(c *natsd.Config) { c.Port = taken.Addr().(*net.TCPAddr).Port })
	f("not a directory", func(c *natsd.Config) { c.Dir = file })
	f("not a directory", func(c *natsd.Config) { c.Dir = blocked })
	f("no directory", func(c *natsd.Config) { c.Dir = "" })
	f("port is 0", func(c *natsd.Config) { c.Port = 0 })
	f("no host", func(c *natsd.Config) { c.Host = "" })
	f("max payload is 1", func(c *natsd.Config) { c.MaxPayload = 1 })
	f("max store is 0", func(c *natsd.Config) { c.MaxStoreBytes = 0 })
	f("start wait is 0s", func(c *natsd.Config) { c.StartWait = 0 })
}

func TestServerKeepsItsStreams(t *testing.T) {
	ctx := within(t, 30*time.Second)
	cfg := natstest.Config(t)
	cfg.SyncAlways = true
	srv := natstest.StartWith(t, cfg)
	if !strings.HasPrefix(srv.URL(), "nats://127.0.0.1:") {
		t.Errorf("URL() = %s, want the loopback interface", srv.URL())
	}
	if err := srv.Healthy(); err != nil {
		t.Errorf("Healthy() = %v", err)
	}
	b := natstest.Connect(t, srv)
	publish(ctx, t, b, bus.Enriched("home"), "kept")
	srv.Shutdown()
	srv.Shutdown()
	if srv.Healthy() == nil {
		t.Error("Healthy() = nil after Shutdown")
	}
	if got := replay(t, natstest.Connect(t, natstest.StartWith(t, cfg)), bus.StreamEnriched, 1); string(got[0].Data) != "kept" {
		t.Errorf("after a restart the message is %q", got[0].Data)
	}
}

func TestServerAsksForThePassword(t *testing.T) {
	ctx := within(t, 20*time.Second)
	cfg := natstest.Config(t)
	cfg.User, cfg.Password = "whoknocks", "secret"
	srv := natstest.StartWith(t, cfg)
	b := natstest.Connect(t, srv, func(c *bus.Config) { c.User, c.Password = "whoknocks", "secret" })
	publish(ctx, t, b, bus.Observed("home"), "{}\n")
}

func TestServerLogsToSlog(t *testing.T) {
	var out bytes.Buffer
	cfg := natstest.Config(t)
	cfg.Log = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	srv := natstest.StartWith(t, cfg)
	srv.Shutdown()
	if got := out.String(); !strings.Contains(got, `level=DEBUG msg="nats server" text="Server is ready"`) {
		t.Errorf("log has no record that the server is ready:\n%s", got)
	}
	var quiet bytes.Buffer
	cfg = natstest.Config(t)
	cfg.Log = slog.New(slog.NewTextHandler(&quiet, nil))
	srv = natstest.StartWith(t, cfg)
	srv.Shutdown()
	if quiet.Len() > 0 {
		t.Errorf("a server that is well says at level info:\n%s", quiet.String())
	}
}

func TestBusLogs(t *testing.T) {
	cfg := fixedPort(t)
	srv := natstest.StartWith(t, cfg)
	var out syncBuffer
	busCfg := bus.DefaultConfig()
	busCfg.URL = srv.URL()
	b, err := bus.Connect(within(t, 10*time.Second), busCfg, bus.WithLogger(slog.New(slog.NewTextHandler(&out, nil))))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	srv.Shutdown()
	natstest.StartWith(t, cfg)
	eventually(t, "the log tells of the connection", func() bool {
		s := out.String()
		return strings.Contains(s, "bus connection lost") && strings.Contains(s, "bus connection regained")
	})
	subscribe(t, func(ctx context.Context) error {
		return b.Subscribe(ctx, observed, func(context.Context, *bus.Message) error { panic("in a handler") })
	})
	publish(within(t, 10*time.Second), t, b, bus.Observed("home"), "{}\n")
	eventually(t, "the log tells of the handler", func() bool {
		s := out.String()
		return strings.Contains(s, `panic="in a handler"`) && strings.Contains(s, "messages could not be handled")
	})
}
