// Package report answers the questions people ask of the events: which owners,
// which sources, when, and why. It holds the queries, writes their tables for
// terminals, sheets and programs, and serves a plain page with them and the
// documentation on this machine.
//
// It only reads. How events come into ClickHouse, and what is known of their
// sources, is left to the other services. The page it serves shows full
// addresses: it is for the owner of the log. For publishing there is Published.
package report

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/netutil"

	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
)

// Service serves the page. Make one with New and give it to Run once.
type Service struct {
	cfg     Config
	log     *slog.Logger
	handler http.Handler
	ready   chan struct{}
	addr    atomic.Pointer[net.TCPAddr]
}

// New makes the service; it opens nothing. It fails on a configuration that is
// not valid and on metrics that reg has already.
func New(cfg Config, db *clickhouse.DB, log *slog.Logger, reg prometheus.Registerer) (*Service, error) {
	return newService(cfg, NewReader(db.Conn()), log, reg)
}

func newService(cfg Config, tables tables, log *slog.Logger, reg prometheus.Registerer) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	m, err := newMetrics(reg)
	if err != nil {
		return nil, fmt.Errorf("report: register metrics: %w", err)
	}
	site, err := newSite(cfg, tables, log, m)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return &Service{cfg: cfg, log: log, handler: site.handler(), ready: make(chan struct{})}, nil
}

// Ready is closed once the page can be asked for.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// URL is where the page is, with the port that was chosen if the configuration
// said 0. It is empty before Ready.
func (s *Service) URL() string {
	addr := s.addr.Load()
	if addr == nil {
		return ""
	}
	if addr.IP.IsUnspecified() {
		return fmt.Sprintf("http://localhost:%d/", addr.Port)
	}
	return "http://" + addr.String() + "/"
}

// Run serves until ctx ends and then lets the requests in flight finish, for
// Config.Drain at most.
func (s *Service) Run(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("open page: %w", err)
	}
	if addr, ok := listener.Addr().(*net.TCPAddr); ok {
		s.addr.Store(addr)
	}
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      s.cfg.QueryTimeout + 30*time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	stopped := make(chan error, 1)
	release := context.AfterFunc(ctx, func() {
		deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Drain)
		defer cancel()
		err := server.Shutdown(deadline)
		if err != nil {
			err = server.Close() // also ends the contexts of the requests
		}
		stopped <- err
	})
	s.log.Info("page is served", "url", s.URL())
	close(s.ready)
	err = server.Serve(netutil.LimitListener(listener, s.cfg.Connections))
	if !errors.Is(err, http.ErrServerClosed) {
		release()
		return fmt.Errorf("serve page: %w", err)
	}
	return <-stopped
}
