package chdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/services/internal/assets"
)

// TestMain lets the tests start this program again: the engine can be started once in a process, so
// "engine" as the first argument runs it in the place of whoknocks, and "signals" is a test's own.
// Arguments tell, not the environment, which the workers of a fuzz test inherit.
func TestMain(m *testing.M) {
	var err error
	switch arg(1) {
	case "engine":
		cmd := Command()
		cmd.SetArgs(os.Args[2:])
		err = cmd.ExecuteContext(context.Background())
	case "clickhouse-server":
		err = standin(os.Args[2:])
	case "signals":
		err = useSignals(arg(2))
	default:
		code := m.Run()
		if stopShared != nil {
			stopShared()
		}
		os.Exit(code)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func arg(n int) string {
	if n < len(os.Args) {
		return os.Args[n]
	}
	return ""
}

func needLibrary(t testing.TB) string {
	t.Helper()
	lib, err := Find()
	switch {
	case err == nil:
	case errors.Is(err, assets.ErrNotFound) && os.Getenv("CI") != "true":
		t.Skipf("no embedded engine: %v", err)
	default:
		t.Fatal(err)
	}
	return lib
}

// supervise runs an engine of the test's own.
func supervise(t testing.TB, cfg SupervisorConfig) (s *Supervisor, stop func() error) {
	t.Helper()
	cfg.Lib = needLibrary(t)
	s, stop, err := superviseIn(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stop() })
	return s, stop
}

func superviseIn(cfg SupervisorConfig) (*Supervisor, func() error, error) {
	cfg.Listen = "127.0.0.1:0"
	s, err := NewSupervisor(cfg)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop := sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	select {
	case <-s.Ready():
		return s, stop, nil
	case err := <-ended:
		cancel()
		return nil, nil, err
	}
}

var (
	stopShared func()
	sharedOnce sync.Once
	shared     *Supervisor
	sharedErr  error
)

// engineFor returns an engine that all tests share, with the table t in its database.
func engineFor(t testing.TB) *client {
	t.Helper()
	lib := needLibrary(t)
	sharedOnce.Do(func() {
		dir, err := os.MkdirTemp("", "whoknocks-chdb-") //nolint:usetesting // it outlives the test
		if err != nil {
			sharedErr = err
			return
		}
		var stop func() error
		shared, stop, sharedErr = superviseIn(SupervisorConfig{Lib: lib, Path: dir, MemoryLimit: 2 << 30})
		stopShared = func() {
			if stop != nil {
				_ = stop()
			}
			_ = os.RemoveAll(dir)
		}
		if sharedErr != nil {
			return
		}
		c := &client{t: t, dsn: shared.DSN(), query: url.Values{"database": {"default"}}}
		c.ok("CREATE DATABASE whoknocks")
		c.ok("CREATE TABLE whoknocks.t (a UInt64, s String, v UInt8) ENGINE = ReplacingMergeTree(v) ORDER BY a")
		c.ok("CREATE DATABASE other")
		c.ok("CREATE TABLE other.t ENGINE = Memory AS SELECT 1 AS a")
		c.ok("SYSTEM STOP MERGES whoknocks.t")
		c.ok("INSERT INTO whoknocks.t SELECT number, toString(number), 0 FROM numbers(1000)")
		c.ok("INSERT INTO whoknocks.t SELECT number, toString(number), 1 FROM numbers(500)")
	})
	if sharedErr != nil {
		t.Fatal(sharedErr)
	}
	return &client{t: t, dsn: shared.ReaderDSN()}
}

// client sends statements over HTTP as curl would.
type client struct {
	t      testing.TB
	dsn    string
	query  url.Values
	header http.Header
	method string
}

// writer is the same client with the writer's name and password.
func (c *client) writer() *client {
	w := *c
	w.dsn = shared.DSN()
	return &w
}

// with is the same client with another URL parameter.
func (c *client) with(name, value string) *client {
	w := *c
	w.query = url.Values{name: {value}}
	for k, v := range c.query {
		if k != name {
			w.query[k] = v
		}
	}
	return &w
}

func (c *client) do(ctx context.Context, body io.Reader) (*http.Response, error) {
	u, err := url.Parse(c.dsn)
	if err != nil {
		return nil, err
	}
	q := url.Values{"database": {strings.Trim(u.Path, "/")}}
	for k, v := range c.query {
		q[k] = v
	}
	user := u.User
	u.User, u.Path, u.RawQuery = nil, "/", q.Encode()
	method := c.method
	if method == "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	for k, v := range c.header {
		req.Header[k] = v
	}
	if password, ok := user.Password(); ok {
		req.SetBasicAuth(user.Username(), password)
	}
	return http.DefaultClient.Do(req)
}

// send returns the status and the body.
func (c *client) send(sql string) (*http.Response, string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	resp, err := c.do(ctx, strings.NewReader(sql))
	if err != nil {
		c.t.Fatalf("%.100s: %v", sql, err)
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil {
		c.t.Fatalf("%.100s: %v", sql, err)
	}
	return resp, body.String()
}

// ok sends a statement that must do, and returns its output without the last line end.
func (c *client) ok(sql string) string {
	c.t.Helper()
	resp, body := c.send(sql)
	if resp.StatusCode != http.StatusOK {
		c.t.Fatalf("%.100s: status %d: %s", sql, resp.StatusCode, body)
	}
	return strings.TrimSuffix(body, "\n")
}

// fails sends a statement that must fail with a status, a code and a text.
func (c *client) fails(sql string, status int, code, text string) {
	c.t.Helper()
	resp, body := c.send(sql)
	if got := resp.Header.Get("X-ClickHouse-Exception-Code"); resp.StatusCode != status || got != code || !strings.Contains(body, text) {
		c.t.Errorf("%.100s: status %d, code %q, %q; want %d, %q, %q", sql, resp.StatusCode, got, body, status, code, text)
	}
	if !strings.HasPrefix(body, "Code: "+code+". DB::Exception: ") || shared != nil && !strings.HasSuffix(body, "(version "+sharedVersion(c.t)+")\n") {
		c.t.Errorf("%.100s: %q has not the form of an error of ClickHouse", sql, body)
	}
}

func sharedVersion(t testing.TB) string {
	t.Helper()
	st, err := shared.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st.Version
}
