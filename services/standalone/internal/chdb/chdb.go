// Package chdb is the embedded engine: ClickHouse as a shared library, in a process of its own that
// answers the ClickHouse HTTP interface on the loopback address.
//
// Main is that process: it loads libchdb, opens the data directory and serves until it is told to
// stop. Supervisor is the parent's side: it holds the listening socket, starts the process, starts
// it again after a crash, and stops it. clickhouse-go (http://), curl and Grafana talk to it as they
// do to a server.
//
// What it leaves to others: tables (the store's migrations), and being reachable from elsewhere
// (the deployed stack has a real ClickHouse server).
//
// Not supported, and refused with a sentence: HTTP sessions, external tables, several statements in
// one request.
package chdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// Limits bound what one statement of a reader may cost. A field of 0 means the default.
type Limits struct {
	Time   time.Duration // run time; default one minute
	Memory int64         // bytes; default a quarter of the engine's memory limit, or 1 GiB
	Rows   int64         // rows of the result; default 10 million
}

// Options say what Main serves. Lib, Path and Listener are required.
type Options struct {
	Lib      string       // the file libchdb.so (or .dylib), version 26.7 or later
	Path     string       // the data directory; made when missing
	Listener net.Listener // where to answer; closed by Main

	User     string // who may write; default "whoknocks"
	Password string // of User; empty lets nobody write
	Database string // the readers' database, and the begin of the names of others they may read; default "whoknocks"

	MemoryLimit int64  // bytes for the whole engine; default: nine tenths of the machine's
	Statements  int    // statements of the writer run in parallel, and as many of readers; default 4
	Reader      Limits // what one statement of a reader may cost

	LockWait  time.Duration // how long to wait for a predecessor that is still ending; default 30 s
	DrainTime time.Duration // how long running statements may go on after the stop; default 10 s
	Log       *slog.Logger  // default slog.Default()
}

func (o Options) withDefaults() Options {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	if o.User == "" {
		o.User = "whoknocks"
	}
	if o.Database == "" {
		o.Database = "whoknocks"
	}
	if o.Statements == 0 {
		o.Statements = 4
	}
	set(&o.Reader.Time, time.Minute)
	if o.Reader.Rows == 0 {
		o.Reader.Rows = 10_000_000
	}
	if o.Reader.Memory == 0 {
		o.Reader.Memory = 1 << 30
		if o.MemoryLimit > 0 {
			o.Reader.Memory = o.MemoryLimit / 4
		}
	}
	set(&o.LockWait, 30*time.Second)
	set(&o.DrainTime, 10*time.Second)
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// ErrStuck is returned by Main when statements still ran at the deadline. The engine cannot be
// closed under them: the caller should end the process, and the data directory survives that.
var ErrStuck = errors.New("statements still run after the time to stop")

// Main opens the engine and serves it until ctx ends, then stops accepting, lets running statements
// end within the drain time, stops the others, and closes the engine. It may be called once in a
// process: libchdb does not open a second data directory.
func Main(ctx context.Context, opts Options) error {
	opts = opts.withDefaults()
	defer opts.Listener.Close()

	var err error
	if opts.Path, err = filepath.Abs(opts.Path); err != nil {
		return err
	}
	if err := os.MkdirAll(opts.Path, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	lock, err := lockDir(ctx, opts)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Close()

	start := time.Now()
	e, err := startEngine(opts)
	if err != nil {
		return err
	}
	opts.Log.Info("engine ready", "version", e.version, "took", time.Since(start).Round(time.Millisecond), "address", opts.Listener.Addr().String())
	return serve(ctx, e, opts)
}

// lockDir waits for the data directory: a predecessor that was killed holds it until the kernel has
// taken its memory back.
func lockDir(ctx context.Context, opts Options) (*flock.Flock, error) {
	lock := flock.New(filepath.Join(opts.Path, "engine.lock"))
	waiting, cancel := context.WithTimeout(ctx, opts.LockWait)
	defer cancel()
	if ok, err := lock.TryLockContext(waiting, 20*time.Millisecond); !ok {
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			return nil, fmt.Errorf("data directory %q is in use by another engine", opts.Path)
		}
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	return lock, nil
}

func serve(ctx context.Context, e *engine, opts Options) error {
	h, err := newHandler(e, opts)
	if err != nil {
		e.close()
		return err
	}
	return serveHandler(ctx, e, h, opts)
}

func serveHandler(ctx context.Context, e *engine, h *handler, opts Options) error {
	// Statements live in this context rather than in ctx: a stop lets them go on for a while.
	running, stopRunning := context.WithCancel(context.Background())
	defer stopRunning()
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       5 * time.Minute,
		BaseContext:       func(net.Listener) context.Context { return running },
		ErrorLog:          slog.NewLogLogger(opts.Log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	var wg sync.WaitGroup
	wg.Go(func() { served <- server.Serve(opts.Listener) })
	defer wg.Wait()

	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	draining, cancel := context.WithTimeout(context.Background(), opts.DrainTime)
	err := server.Shutdown(draining)
	cancel()
	if err != nil {
		stopRunning()
		ending, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		err = server.Shutdown(ending)
		cancel()
	}
	server.Close()
	if err != nil || !h.idle() {
		return ErrStuck
	}
	e.close()
	opts.Log.Info("engine stopped")
	return nil
}
