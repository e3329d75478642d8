package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/services/internal/ops"
	"github.com/whoknocks/whoknocks/services/internal/run"
)

type section struct {
	Size     int    `koanf:"size"`
	Password string `koanf:"password" secret:"true"`
}

func (s section) Validate() error {
	if s.Size < 1 {
		return errors.New("size must be positive")
	}
	return nil
}

type testConfig struct {
	Work section `koanf:"work"`
}

func program(f func(context.Context, *Process, testConfig) error) Program[testConfig] {
	return Program[testConfig]{Name: "worker", Short: "Works", Defaults: testConfig{section{Size: 7}}, Run: f}
}

func unused(context.Context, *Process, testConfig) error { return errors.New("started") }

func TestCommand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "worker.yaml")
	if err := os.WriteFile(file, []byte("work: {size: 8, password: hunter2}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(want string, env []string, args ...string) {
		t.Helper()
		var stdout bytes.Buffer
		err := execute(t.Context(), program(unused), args, env, &stdout, &stdout)
		if err != nil || !strings.Contains(stdout.String(), want) {
			t.Errorf("worker %q prints %q, %v; want %q", args, stdout.String(), err, want)
		}
		if strings.Contains(stdout.String(), "hunter2") {
			t.Errorf("worker %q shows a secret", args)
		}
	}
	f("size: 7\n", nil, "--dump")
	f("size: 8\n", nil, "--dump", "--config", file)
	f("size: 8\n", []string{EnvConfig + "=" + file}, "--dump")
	f("size: 9\n", []string{"WHOKNOCKS_WORK_SIZE=9"}, "--dump", "--config", file)
	f("size: 10\n", nil, "--dump", "--set", "work.size=10", "--config", file)
	f("level: DEBUG\n", nil, "--dump", "--log-level", "debug")
	f("format: json\n", nil, "--dump", "--log-format", "json")
	f("listen: 127.0.0.1:9464\n", nil, "--dump")
	f("configuration is valid\n", nil, "--check")
	f("worker version devel\n", nil, "--version")
	f("health", nil, "--help")
}

func TestCommandUsage(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		var out bytes.Buffer
		err := execute(t.Context(), program(unused), args, nil, &out, &out)
		if err == nil || !strings.Contains(err.Error(), want) || run.ExitCode(err) != run.ExitUsage {
			t.Errorf("worker %q = %v, want a usage error with %q", args, err, want)
		}
	}
	f("--bogus", "--bogus")
	f(`"extra"`, "extra")
	f("work.szie", "--set", "work.szie=1")
	f("must be positive", "--check", "--set", "work.size=0")
	f("log", "--check", "--log-format", "xml")
	f("log.level", "--check", "--log-level", "loud")
}

func TestServeReportsReadyAndStops(t *testing.T) {
	ready := make(chan string, 1)
	p := program(func(ctx context.Context, p *Process, cfg testConfig) error {
		if cfg.Work.Size != 7 {
			t.Errorf("size = %d, want the default", cfg.Work.Size)
		}
		return p.Serve(ctx, run.Component{Name: "loop", Run: func(ctx context.Context) error {
			ready <- "started"
			<-ctx.Done()
			return ctx.Err()
		}})
	})
	addr := freeAddr(t)
	args := []string{"--set", "ops.listen=" + addr, "--log-format", "json"}
	health := append([]string{"health"}, args...)
	var none bytes.Buffer
	if err := execute(t.Context(), p, health, nil, &none, &none); err == nil {
		t.Error("health before the start = nil, want an error")
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stderr bytes.Buffer
	done := make(chan error, 1)
	go func() { done <- execute(ctx, p, args, nil, &none, &stderr) }()
	<-ready
	for deadline := time.Now().Add(10 * time.Second); ; {
		var out bytes.Buffer
		err := execute(t.Context(), p, health, nil, &out, &out)
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("health = %v, want ready", err)
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("worker = %v, want nil after a stop", err)
	}
	for line := range strings.Lines(stderr.String()) {
		var entry struct{ Msg, Program string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Program != "worker" || entry.Msg == "" {
			t.Errorf("log line %q: %v", line, err)
		}
	}
	if !strings.Contains(stderr.String(), `"msg":"ready"`) {
		t.Errorf("log = %s, want ready", stderr.String())
	}
}

func TestServeFailure(t *testing.T) {
	var out bytes.Buffer
	err := execute(t.Context(), program(unused), []string{"--set", "ops.listen="}, nil, &out, &out)
	if err == nil || err.Error() != "started" || run.ExitCode(err) != run.ExitFailed {
		t.Errorf("worker = %v, want its own error", err)
	}
	err = execute(t.Context(), program(unused), []string{"--set", "ops.listen=127.0.0.1:0"}, nil, &out, &out)
	if err == nil || err.Error() != "started" {
		t.Errorf("worker = %v, want its own error once", err)
	}
}

func TestStartingIsNotReady(t *testing.T) {
	p := program(func(ctx context.Context, p *Process, _ testConfig) error {
		results := p.Health.Results(ctx)
		if len(results) != 1 || results[0].Err == nil {
			t.Errorf("Results() while starting = %v, want not ready", results)
		}
		return nil
	})
	var out bytes.Buffer
	if err := execute(t.Context(), p, []string{"--set", "ops.listen=127.0.0.1:0"}, nil, &out, &out); err != nil {
		t.Errorf("worker = %v, want nil", err)
	}
	if err := ops.Probe(t.Context(), "127.0.0.1:0"); err == nil {
		t.Error("Probe after the end = nil, want an error")
	}
}

// freeAddr returns an address that nothing listens on.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
