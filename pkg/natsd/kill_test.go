package natsd_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/natsd"
)

// TestMain turns the test's own binary into a server where child asks for it.
func TestMain(m *testing.M) {
	dir := os.Getenv("NATSD_CHILD_DIR")
	if dir == "" {
		os.Exit(m.Run())
	}
	cfg := natsd.DefaultConfig()
	cfg.Dir = dir
	cfg.Port, _ = strconv.Atoi(os.Getenv("NATSD_CHILD_PORT"))
	srv, err := natsd.Start(cfg)
	if err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Stdout.WriteString("ready\n")
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test closes it, or is gone
	srv.Shutdown()
}

// child is a server in a process of its own, which can be killed.
type child struct {
	cmd   *exec.Cmd
	stdin io.Closer
}

func startChild(t testing.TB, cfg natsd.Config) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "NATSD_CHILD_DIR="+cfg.Dir, "NATSD_CHILD_PORT="+strconv.Itoa(cfg.Port))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd, stdin}
	t.Cleanup(c.kill)
	if said, _ := bufio.NewReader(stdout).ReadString('\n'); strings.TrimSpace(said) != "ready" {
		t.Fatalf("server says %q, want that it is ready", said)
	}
	return c
}

// kill ends the process without a warning.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// stop lets it shut down.
func (c *child) stop() {
	c.stdin.Close()
	_ = c.cmd.Wait()
}

// connect is natstest.Connect for a server in another process.
func (c *child) connect(t testing.TB, cfg natsd.Config) *bus.Bus {
	t.Helper()
	busCfg := bus.DefaultConfig()
	busCfg.URL = "nats://" + natsAddr(cfg)
	b, err := bus.Connect(within(t, 20*time.Second), busCfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// The server is killed and stopped in turn while batches are on their way:
// everything acknowledged must be there.
func TestNothingIsLostWhenTheServerIsKilled(t *testing.T) {
	noLeak(t)
	ctx := within(t, 90*time.Second)
	cfg := fixedPort(t)
	server := startChild(t, cfg)
	b := server.connect(t, cfg)
	got := count(t, b)
	const lines, restarts = 20_000, 6
	batcher := b.NewBatcher(bus.BatcherConfig{MaxEvents: 20, Linger: time.Millisecond})
	t.Cleanup(batcher.Close)
	published := make(chan error, 1)
	var added atomic.Int64
	go func() {
		for i := range lines {
			if _, err := batcher.Add(ctx, bus.Observed("home"), line(i)); err != nil {
				published <- err
				return
			}
			added.Store(int64(i))
		}
		published <- batcher.Flush(ctx)
	}()
	for i := range restarts {
		// Spread over the whole of it.
		eventually(t, "more lines were added", func() bool { return added.Load() >= int64(i+1)*lines/(restarts+1) })
		if i%2 == 0 {
			server.kill()
		} else {
			server.stop()
		}
		server = startChild(t, cfg)
	}
	if err := <-published; err != nil {
		t.Fatal(err)
	}
	eventually(t, "all lines arrived", func() bool { return got.distinct() == lines })
	if miss := got.missing(lines); len(miss) > 0 {
		t.Errorf("%d lines are lost, the first is %d", len(miss), miss[0])
	}
	last, err := b.LastSeq(ctx, bus.StreamObserved)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Await(ctx, bus.StreamObserved, "enrich", last); err != nil {
		t.Error(err)
	}
	s := b.Stats()
	if s.Reconnects < restarts {
		t.Errorf("%d reconnects after %d restarts", s.Reconnects, restarts)
	}
	t.Logf("%d retries, %d messages of which %d again", s.PublishRetries, s.Received, s.Redelivered)
}

// After a kill the sequences of a stream must go on, also where all of its
// messages had been taken off: somebody may be waiting for one of them.
func TestSequencesSurviveAKill(t *testing.T) {
	ctx := within(t, 60*time.Second)
	cfg := fixedPort(t)
	server := startChild(t, cfg)
	b := server.connect(t, cfg)
	for range 3 {
		last := uint64(0)
		for range 30 {
			last = publish(ctx, t, b, bus.Observed("home"), strings.Repeat("x", 100<<10))
		}
		replay(t, b, bus.StreamObserved, 30)
		if err := b.Await(ctx, bus.StreamObserved, "replay", last); err != nil {
			t.Fatal(err)
		}
		server.kill()
		server = startChild(t, cfg)
		if got, err := b.LastSeq(ctx, bus.StreamObserved); err != nil || got != last {
			t.Errorf("LastSeq() after a kill = %d, %v, want %d", got, err, last)
		}
		if err := b.Await(ctx, bus.StreamObserved, "replay", last); err != nil {
			t.Error(err)
		}
	}
}
