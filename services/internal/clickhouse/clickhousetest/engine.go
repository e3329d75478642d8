package clickhousetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/services/internal/assets"
)

// Engine is an embedded engine in a process of its own.
type Engine struct {
	DSN     string // of its writer, without a database
	Address string // host and port

	cmd    *exec.Cmd
	stdin  io.Closer
	exited chan struct{}
	stderr *tail
}

// StartEngine starts an engine of the test's own over the data directory dir,
// to be killed and started again; the same folder serves the next one. Others
// want DSN. The engine ends with the test.
func StartEngine(t testing.TB, dir string, args ...string) *Engine {
	t.Helper()
	e, err := startEngine(dir, args...)
	if errors.Is(err, assets.ErrNotFound) {
		missing(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Stop() })
	return e
}

// Kill ends the engine as a power cut would its process, and waits for that.
func (e *Engine) Kill() {
	_ = e.cmd.Process.Kill()
	<-e.exited
}

// Stop ends the engine as its parent does, by closing its stdin. It returns an
// error when the engine did not end well.
func (e *Engine) Stop() error {
	_ = e.stdin.Close()
	select {
	case <-e.exited:
	case <-time.After(20 * time.Second):
		e.Kill()
		return fmt.Errorf("the engine did not stop: %s", e.stderr)
	}
	if code := e.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("the engine ended with %s: %s", e.cmd.ProcessState, e.stderr)
	}
	return nil
}

// startEngine runs the engine and waits until it answers.
func startEngine(dir string, args ...string) (*Engine, error) {
	program, err := buildEngine()
	if err != nil {
		return nil, err
	}
	// The socket is made here, so that the port is known and nobody takes it in between.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	socket, err := listener.(*net.TCPListener).File()
	if err != nil {
		return nil, err
	}
	defer socket.Close()

	password := rand.Text()
	e := &Engine{Address: listener.Addr().String(), exited: make(chan struct{}), stderr: new(tail)}
	e.DSN = (&url.URL{Scheme: "http", User: url.UserPassword("whoknocks", password), Host: e.Address, Path: "/"}).String()
	e.cmd = exec.CommandContext(context.Background(), program, append([]string{"--path", dir, "--listen", "fd:3", "--password-file", "-", "--stop-at-eof"}, args...)...)
	e.cmd.ExtraFiles = []*os.File{socket}
	e.cmd.Stderr = e.stderr
	stdin, err := e.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	e.stdin = stdin
	if err := e.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = e.cmd.Wait()
		close(e.exited)
	}()
	if _, err := io.WriteString(stdin, password+"\n"); err != nil {
		e.Kill()
		return nil, fmt.Errorf("start the engine: %w: %s", err, e.stderr)
	}
	if err := e.wait(30 * time.Second); err != nil {
		e.Kill()
		return nil, err
	}
	return e, nil
}

// wait polls until the engine answers: its socket takes connections before it does.
func (e *Engine) wait(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+e.Address+"/ping", nil)
	if err != nil {
		return err
	}
	got := make(chan error, 1)
	go func() {
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			err = resp.Body.Close()
		}
		got <- err
	}()
	select {
	case err = <-got:
	case <-e.exited:
		err = errors.New("it ended")
	}
	if err != nil {
		return fmt.Errorf("start the engine: %w: %s", err, e.stderr)
	}
	return nil
}

// buildEngine compiles services/standalone/cmd/engine, once for a process. The
// result is kept in .cache, where the next process finds it up to date.
var buildEngine = sync.OnceValues(func() (string, error) {
	root, err := assets.Root()
	if err != nil {
		return "", err
	}
	if err := findLibrary(); err != nil {
		return "", err
	}
	dir := filepath.Join(root, ".cache", "test")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	program := filepath.Join(dir, "engine")
	cmd := exec.CommandContext(context.Background(), "go", "build", "-o", program, "./cmd/engine")
	cmd.Dir = filepath.Join(root, "services", "standalone")
	// On the same disk, go replaces the program in one step: another process may be starting it.
	cmd.Env = append(os.Environ(), "GOTMPDIR="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the engine: %w: %s", err, out)
	}
	return program, nil
})

// findLibrary says whether the engine will find its library.
func findLibrary() error {
	arch := map[string]string{"amd64": "x64"}[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	name := fmt.Sprintf("@chdb/lib-%s-%s", runtime.GOOS, arch)
	if runtime.GOOS == "linux" {
		name += "-gnu"
	}
	_, err := assets.Find(name + "/libchdb.so")
	if err != nil {
		if _, other := assets.Find(name + "/libchdb.dylib"); other == nil {
			return nil
		}
	}
	return err
}

// tail keeps the end of what a process wrote, for the error that tells of its
// own end.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-2048):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
