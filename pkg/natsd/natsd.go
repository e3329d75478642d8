// Package natsd runs a NATS server with JetStream inside the process: the bus
// of the one-binary installation and of every test. It lives in a module of its
// own, so that subscribers which only import package bus do not inherit the
// server's requirements.
//
// The server keeps its streams in files and syncs each message to disk before
// it acknowledges it, so that an acknowledged message survives a crash of the
// process or of the machine. It listens on the loopback interface unless told
// otherwise.
package natsd

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Config says how the server runs. Use DefaultConfig and change it.
type Config struct {
	// Dir is where the streams are kept; it is created if missing. One
	// directory belongs to one server: two at a time destroy it, and the caller
	// has to see to that.
	Dir string
	// Host is the address to listen on. Default 127.0.0.1; without User and
	// Password everybody who can reach it may read and write.
	Host string
	// Port to listen on; -1 is one that is free. Default 4222.
	Port int
	// User and Password that clients must give; empty for none.
	User, Password string
	// MaxStoreBytes is the most that the limits of all streams together may
	// come to. They count bytes before compression, which on disk take about an
	// eighth. Default 64 GiB.
	MaxStoreBytes int64
	// MaxPayload is the largest message in bytes. Default 8 MiB.
	MaxPayload int32
	// SyncAlways makes the server sync every message to disk before it
	// acknowledges it. Default true. Without it a crash of the machine loses up
	// to two minutes of acknowledged messages.
	SyncAlways bool
	// StartWait is how long Start waits for the server to be ready, which
	// includes reading its streams after a crash. Default 60 s.
	StartWait time.Duration
	// Log takes what the server says; nil for nowhere.
	Log *slog.Logger
}

// DefaultConfig is a durable server for this machine only, without a Dir.
func DefaultConfig() Config {
	return Config{
		Host:          "127.0.0.1",
		Port:          server.DEFAULT_PORT,
		MaxStoreBytes: 64 << 30,
		MaxPayload:    8 << 20,
		SyncAlways:    true,
		StartWait:     time.Minute,
	}
}

// Validate reports every field that cannot be used.
func (c Config) Validate() error {
	var errs []error
	if c.Dir == "" {
		errs = append(errs, errors.New("nats server: no directory"))
	}
	if c.Host == "" {
		errs = append(errs, errors.New("nats server: no host to listen on"))
	}
	if c.Port < -1 || c.Port == 0 || c.Port > 65535 {
		errs = append(errs, fmt.Errorf("nats server: port is %d, want 1 to 65535, or -1 for a free one", c.Port))
	}
	if c.MaxStoreBytes <= 0 {
		errs = append(errs, fmt.Errorf("nats server: max store is %d bytes, want more than 0", c.MaxStoreBytes))
	}
	if c.MaxPayload < 64<<10 || c.MaxPayload > 64<<20 {
		errs = append(errs, fmt.Errorf("nats server: max payload is %d bytes, want 64 KiB to 64 MiB", c.MaxPayload))
	}
	if c.StartWait <= 0 {
		errs = append(errs, fmt.Errorf("nats server: start wait is %s, want more than 0", c.StartWait))
	}
	return errors.Join(errs...)
}

// Server is a running server. It is safe for concurrent use.
//
// A full disk makes a NATS server give up streams until it is started again.
// This one does that by itself as soon as there is room: clients wait
// meanwhile, lose the connection once, and nothing acknowledged is lost.
type Server struct {
	cfg  Config // with Dir absolute, and the port that was found
	log  *logger
	stop chan struct{} // closed by Shutdown
	done chan struct{} // closed when watch has returned
	once sync.Once     // of Shutdown
	srv  atomic.Pointer[server.Server]
}

// Start runs a server and returns once it serves. The caller must Shutdown.
// A port that is taken and a directory that cannot be used are errors that say so.
func Start(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("nats server: directory %q: %w", cfg.Dir, err)
	}
	cfg.Dir = dir
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("nats server: directory: %w", err)
	}
	if err := writable(dir, 1); err != nil {
		return nil, fmt.Errorf("nats server: directory: %w", err)
	}
	if err := free(cfg.Host, cfg.Port); err != nil {
		return nil, fmt.Errorf("nats server: listen: %w", err)
	}
	s := &Server{cfg: cfg, log: newLogger(cfg.Log), stop: make(chan struct{}), done: make(chan struct{})}
	srv, err := run(cfg, s.log)
	if err != nil {
		return nil, err
	}
	s.srv.Store(srv)
	s.cfg.Port = srv.Addr().(*net.TCPAddr).Port
	go s.watch()
	return s, nil
}

// run starts the NATS server itself and waits until it serves.
func run(cfg Config, log *logger) (*server.Server, error) {
	srv, err := server.NewServer(&server.Options{
		ServerName:             "whoknocks",
		Host:                   cfg.Host,
		Port:                   cfg.Port,
		Username:               cfg.User,
		Password:               cfg.Password,
		JetStream:              true,
		StoreDir:               cfg.Dir,
		SyncAlways:             cfg.SyncAlways,
		JetStreamMaxStore:      cfg.MaxStoreBytes,
		JetStreamMaxMemory:     64 << 20, // no stream of ours is kept in memory
		DisableJetStreamBanner: true,
		MaxPayload:             cfg.MaxPayload,
		// Room for a few of the largest messages on their way to one client.
		MaxPending: max(64<<20, 8*int64(cfg.MaxPayload)),
		NoSigs:     true,
	})
	if err != nil {
		return nil, fmt.Errorf("nats server: %w", err)
	}
	log.fatal.Store(nil)
	srv.SetLoggerV2(log, log.debug, false, false)
	started := make(chan struct{})
	go func() {
		defer close(started)
		srv.Start()
	}()
	fail := func(err error) (*server.Server, error) {
		srv.Shutdown()
		srv.WaitForShutdown()
		<-started
		return nil, err
	}
	deadline := time.Now().Add(cfg.StartWait)
	for !srv.ReadyForConnections(50 * time.Millisecond) {
		// The server reports what is fatal to its logger and nowhere else.
		if fatal := log.fatal.Load(); fatal != nil {
			return fail(fmt.Errorf("nats server: %s", *fatal))
		}
		if time.Now().After(deadline) {
			return fail(fmt.Errorf("nats server: not ready after %s", cfg.StartWait))
		}
	}
	<-started
	if !srv.JetStreamEnabled() {
		return fail(errors.New("nats server: JetStream did not start"))
	}
	return srv, nil
}

// free tells whether the port can be listened on, again for a clearer error.
func free(host string, port int) error {
	if port < 0 {
		return nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return l.Close()
}

// URL is the address for clients, without user and password.
func (s *Server) URL() string { return "nats://" + s.Addr() }

// Addr is the address the server listens on, as host:port. It stays the same.
func (s *Server) Addr() string {
	return net.JoinHostPort(s.cfg.Host, strconv.Itoa(s.cfg.Port))
}

// InProcessConn returns a connection to the server that needs no socket, for
// bus.WithInProcess. After a restart of the server it is one to the new one.
func (s *Server) InProcessConn() (net.Conn, error) { return s.srv.Load().InProcessConn() }

// Shutdown stops the server and returns when its files are closed. A second
// call does nothing.
func (s *Server) Shutdown() {
	s.once.Do(func() {
		close(s.stop)
		<-s.done
		srv := s.srv.Load()
		srv.Shutdown()
		srv.WaitForShutdown()
	})
}
