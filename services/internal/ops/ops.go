// Package ops is the listener that operators and their tools talk to: is the
// program alive, is it ready, and what has it counted. It says nothing about
// events; that is the report's page.
package ops

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Config is the listener's section of a configuration.
type Config struct {
	Listen string `koanf:"listen" help:"address of /healthz, /readyz and /metrics; empty switches them off"`
}

// DefaultConfig listens on loopback only: the metrics tell about the network
// the program watches.
func DefaultConfig() Config { return Config{Listen: "127.0.0.1:9464"} }

// Validate checks the form of the address.
func (c Config) Validate() error {
	if c.Listen == "" {
		return nil
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("listen: want host:port: %w", err)
	}
	return nil
}

// NewRegistry returns a registry that already tells about the process, the Go
// runtime and which build this is.
func NewRegistry(name, version string) *prometheus.Registry {
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "whoknocks_build_info",
		Help:        "Always 1; the labels tell the program and its version.",
		ConstLabels: prometheus.Labels{"program": name, "version": version},
	})
	build.Set(1)
	reg := prometheus.NewRegistry()
	reg.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return reg
}

// Server is the listener. Make one with New and give it to Run once.
type Server struct {
	http     *http.Server
	listener net.Listener
}

// New opens the listener, so that an address in use is an error at once, but
// answers nothing before Run.
func New(cfg Config, health *Health, metrics prometheus.Gatherer, log *slog.Logger) (*Server, error) {
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("open ops listener: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", alive)
	mux.Handle("GET /readyz", health)
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(log.Handler(), slog.LevelError),
		MaxRequestsInFlight: 4,
	}))
	return &Server{
		listener: listener,
		http: &http.Server{
			Handler:           mux,
			ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout:       10 * time.Second,
			WriteTimeout:      30 * time.Second,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    16 << 10,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		},
	}, nil
}

// Addr returns the address listened on, with the port that was chosen if the
// configuration said 0.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Run answers until ctx ends and then lets the requests in flight finish, for
// two seconds at most.
func (s *Server) Run(ctx context.Context) error {
	stopped := make(chan error, 1)
	release := context.AfterFunc(ctx, func() {
		deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		err := s.http.Shutdown(deadline)
		if err != nil {
			err = s.http.Close()
		}
		stopped <- err
	})
	err := s.http.Serve(s.listener)
	if !errors.Is(err, http.ErrServerClosed) {
		release()
		return fmt.Errorf("serve ops: %w", err)
	}
	return <-stopped
}

func alive(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}
