package chdb

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestSupervisorStartsTheEngineAgain(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	s, stop := supervise(t, SupervisorConfig{Path: t.TempDir(), Metrics: reg, Stderr: io.Discard})
	c := &client{t: t, dsn: s.DSN(), query: url.Values{"database": {"default"}}}
	c.ok("CREATE TABLE kept (a UInt64) ENGINE = MergeTree ORDER BY a SETTINGS fsync_after_insert = 1")
	c.ok("INSERT INTO kept VALUES (42)")

	before, err := s.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if before.Version == "" || before.ResidentBytes == 0 {
		t.Errorf("the engine says %+v of itself", before)
	}
	if err := syscall.Kill(before.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	// The same address and password: this waits in the socket's queue, or fails while the old
	// process takes its last connections.
	var got string
	for deadline := time.Now().Add(time.Minute); got != "42" && time.Now().Before(deadline); {
		if resp, err := c.do(t.Context(), strings.NewReader("SELECT a FROM kept")); err == nil {
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			got = strings.TrimSpace(string(body))
		}
	}
	if got != "42" {
		t.Errorf("after the restart the table has %q", got)
	}
	after, err := s.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if after.PID == before.PID || s.Restarts() != 1 {
		t.Errorf("process %d before and %d after, %d restarts", before.PID, after.PID, s.Restarts())
	}
	const want = `# HELP whoknocks_engine_restarts_total Starts of the embedded engine after it had ended by itself.
# TYPE whoknocks_engine_restarts_total counter
whoknocks_engine_restarts_total 1
# HELP whoknocks_engine_up Whether the embedded engine answers.
# TYPE whoknocks_engine_up gauge
whoknocks_engine_up 1
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "whoknocks_engine_up", "whoknocks_engine_restarts_total"); err != nil {
		t.Error(err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if err := syscall.Kill(after.PID, 0); err == nil {
		t.Errorf("process %d is left", after.PID)
	}
}

// A stop lets a statement end that runs.
func TestStopDrains(t *testing.T) {
	s, stop := supervise(t, SupervisorConfig{Path: t.TempDir()})
	c := &client{t: t, dsn: s.DSN(), query: url.Values{"database": {"default"}}}
	c.ok("CREATE TABLE drained (a UInt64) ENGINE = MergeTree ORDER BY a")
	done := make(chan error, 1)
	go func() {
		resp, err := c.do(context.Background(), strings.NewReader("INSERT INTO drained SELECT number + sleepEachRow(0.05) FROM numbers(20) SETTINGS max_block_size = 1"))
		if err == nil {
			resp.Body.Close()
		}
		done <- err
	}()
	waitRunning(t, s)
	if err := stop(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Errorf("the statement did not end well: %v", err)
	}
}

// A statement that outlives the drain time is stopped, and the engine still closes.
func TestStopHasADeadline(t *testing.T) {
	s, stop := supervise(t, SupervisorConfig{Path: t.TempDir(), DrainTime: 300 * time.Millisecond})
	c := &client{t: t, dsn: s.DSN(), query: url.Values{"database": {"default"}}}
	status := make(chan int, 1)
	go func() {
		resp, err := c.do(context.Background(), strings.NewReader("SELECT max(sipHash64(number)) FROM numbers(1000000000000)"))
		if err != nil {
			status <- 0
			return
		}
		resp.Body.Close()
		status <- resp.StatusCode
	}()
	waitRunning(t, s)
	start := time.Now()
	if err := stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("the stop took %v", took)
	}
	if got := <-status; got == http.StatusOK {
		t.Error("the statement ended well")
	}
}

func waitRunning(t *testing.T, s *Supervisor) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		st, err := s.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if st.Running > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the statement has not begun")
		}
	}
}

func TestMemoryLimit(t *testing.T) {
	s, _ := supervise(t, SupervisorConfig{Path: t.TempDir(), MemoryLimit: 400 << 20})
	c := &client{t: t, dsn: s.DSN(), query: url.Values{"database": {"default"}}}
	c.fails("SELECT groupArray(number) FROM numbers(1000000000)", 500, "241", "memory limit exceeded")
	st, err := s.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s.Restarts() != 0 || c.ok("SELECT 1") != "1" {
		t.Error("the engine did not survive a statement over its limit")
	}
	t.Logf("resident %d MB after a statement that wanted more than 400 MB", st.ResidentBytes>>20)
}

func TestSupervisorTellsWhyItCannotStart(t *testing.T) {
	needLibrary(t)
	f := func(cfg SupervisorConfig, want string) {
		t.Helper()
		_, stop, err := superviseIn(cfg)
		if err == nil {
			_ = stop()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want one with %q", cfg, err, want)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f(SupervisorConfig{Path: t.TempDir(), Lib: file}, "load the engine from")
	f(SupervisorConfig{Path: t.TempDir(), Lib: filepath.Join(t.TempDir(), "nosuch")}, "nosuch")
	f(SupervisorConfig{Path: file}, "data directory")
	f(SupervisorConfig{Path: t.TempDir(), Program: file}, "permission denied")
	if _, err := NewSupervisor(SupervisorConfig{Path: t.TempDir(), Listen: "0.0.0.0:0"}); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("a listener for everybody: %v", err)
	}
}

// An engine whose parent is gone ends, though nobody is left to tell it to.
func TestEngineEndsWithItsParent(t *testing.T) {
	needLibrary(t)
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "engine", "--path", dir, "--listen", "127.0.0.1:0", "--password-file", "-", "--stop-at-eof", "--temporary")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(stdin, "secret\n")
	if line, err := bufio.NewReader(stderr).ReadString('\n'); err != nil || !strings.Contains(line, "engine ready") {
		t.Fatalf("the engine says %q, %v", line, err)
	}
	// As the parent's death does, both at once: its last line finds no reader.
	stderr.Close()
	stdin.Close()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		_ = cmd.Process.Kill()
		t.Error("the engine outlives its parent")
	}
	if _, err := os.Stat(dir); err == nil {
		t.Errorf("the temporary data directory is left")
	}
}
