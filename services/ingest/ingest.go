// Package ingest turns log lines into scan events and puts them on the bus: from
// files, which are read once and in full, and from routers that send syslog.
//
// Every line becomes exactly one event, unrecognised line or rejected line, and
// nothing is lost on the way: the position in a file is kept only after the bus
// has everything before it on disk. Who the sources are is left to enrich.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/services/ingest/internal/format"
	"github.com/whoknocks/whoknocks/services/ingest/internal/input"
)

// Service is ingest. It is safe for concurrent use, but Run is called once.
type Service struct {
	cfg     Config
	bus     *bus.Bus
	log     *slog.Logger
	metrics *metrics
	ready   chan struct{}
	custom  []format.Format
	listeners

	saveEvery time.Duration // how often the position in a file is kept

	rereading sync.Mutex // guards reopener
	reopener  input.Reopener
}

// New returns a service on an open bus. It starts nothing. A nil reg registers
// no metrics.
func New(cfg Config, b *bus.Bus, log *slog.Logger, reg prometheus.Registerer) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if b == nil {
		return nil, errors.New("ingest needs a bus")
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	m, err := newMetrics(reg)
	if err != nil {
		return nil, fmt.Errorf("register metrics of ingest: %w", err)
	}
	custom, err := format.Custom(cfg.Formats...)
	if err != nil {
		return nil, err
	}
	return &Service{cfg: cfg, custom: custom, bus: b, log: log, metrics: m, ready: make(chan struct{}), saveEvery: time.Second}, nil
}

// Formats returns the names of the log formats that are known, without auto.
func Formats() []string {
	var names []string
	for _, f := range format.All() {
		names = append(names, f.Name)
	}
	return names
}

// CheckFormat reports a name that is no log format, neither one of the program's
// nor one that cfg describes.
func CheckFormat(name string, cfg Config) error {
	custom, err := format.Custom(cfg.Formats...)
	if err != nil {
		return err
	}
	_, err = format.New(name, custom...)
	return err
}

// Ready is closed when Run listens on every address.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// Run takes syslog, follows files and watches the drop folder until ctx ends, gets
// what it has received onto the bus, for Config.Drain at most, and returns. With
// nothing to do it waits for ctx. It returns an error if an address cannot be
// listened on.
func (s *Service) Run(ctx context.Context) error {
	if err := s.listen(ctx); err != nil {
		return err
	}
	close(s.ready)
	// What was received may still be published for a while after ctx ended.
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(s.cfg.Drain, func() { cancel(errDrained) })
	})
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.serve(ctx, work) })
	if s.follows() {
		g.Go(func() error { return s.follow(ctx, work) })
	}
	g.Go(func() error { <-ctx.Done(); return nil })
	return g.Wait()
}

// fileAhead is how far files are read ahead of enrich. A file can wait, what is
// sent to a socket can't.
const fileAhead = 16 << 20

// batcher is how every input reaches the bus.
func (s *Service) batcher(ahead int64) *bus.Batcher {
	return s.bus.NewBatcher(bus.BatcherConfig{
		MaxEvents: s.cfg.BatchEvents, MaxBytes: int(s.cfg.BatchBytes), Linger: s.cfg.Linger, InFlight: s.cfg.InFlight, Ahead: ahead,
	})
}
