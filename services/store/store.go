// Package store is the service that keeps events: it reads enriched events,
// rejected lines and attributions from the bus and inserts them into ClickHouse,
// one INSERT a batch, and takes a message off the bus only when what it holds is
// durable there. Doing anything twice is harmless, so messages may come again,
// batches may be cut differently, and any number of stores may work at once.
//
// What ClickHouse refuses goes back to the bus as a rejected line with the
// reason. While ClickHouse is away, full or overloaded the store holds on to the
// few batches it has and asks again; everything else waits in the bus.
//
// Reading the tables is left to the report.
package store

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
)

// The durables of the store, its positions in the streams.
const (
	DurableEvents     = "store"
	DurableRejected   = "store-rejected"
	DurableAttributed = "store-attributed"
)

// Service is the store. Make one with New and call Run once.
type Service struct {
	cfg      Config
	bus      *bus.Bus
	db       *clickhouse.DB
	log      *slog.Logger
	metrics  *metrics
	batches  chan *batch   // one for each worker, to use again and again
	ready    chan struct{} // closed once the tables are there
	troubles rate.Sometimes
}

// New makes a store that does nothing yet. The bus and the database stay the
// caller's to close.
func New(cfg Config, b *bus.Bus, db *clickhouse.DB, log *slog.Logger, reg prometheus.Registerer) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s := &Service{
		cfg:      cfg,
		bus:      b,
		db:       db,
		log:      log,
		metrics:  newMetrics(reg),
		batches:  make(chan *batch, cfg.Workers),
		ready:    make(chan struct{}),
		troubles: rate.Sometimes{First: 1, Interval: 5 * time.Second},
	}
	for range cfg.Workers {
		s.batches <- newBatch()
	}
	return s, nil
}

// Ready is closed when the tables exist and the store begins to read.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// Run brings the database up to date and then works until ctx ends, when it
// finishes the batches in work within the drain time. It returns an error only
// for what waiting does not mend, like a database that is newer than the program.
func (s *Service) Run(ctx context.Context) error {
	if err := s.db.Migrate(ctx); err != nil {
		return err
	}
	close(s.ready)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return s.bus.SubscribeBatch(ctx, bus.Subscription{
			Stream: bus.StreamEnriched, Durable: DurableEvents, Drain: s.cfg.Drain, InFlight: s.cfg.Workers,
			MaxMsgs: s.cfg.BatchMessages, MaxBytes: int(s.cfg.BatchBytes), MaxAge: s.cfg.BatchAge, Idle: s.cfg.BatchIdle,
		}, s.handler(ctx, s.storeEvents))
	})
	g.Go(func() error {
		return s.bus.SubscribeBatch(ctx, bus.Subscription{
			Stream: bus.StreamRejected, Durable: DurableRejected, Drain: s.cfg.Drain,
			MaxMsgs: s.cfg.BatchMessages, MaxBytes: int(s.cfg.BatchBytes) / 4, MaxAge: s.cfg.BatchAge, Idle: s.cfg.BatchIdle,
		}, s.handler(ctx, s.storeRejected))
	})
	g.Go(func() error {
		return s.bus.SubscribeBatch(ctx, bus.Subscription{
			Stream: bus.StreamAttributed, Durable: DurableAttributed, Drain: s.cfg.Drain,
			MaxMsgs: attributedMessages, MaxAge: s.cfg.BatchAge, Idle: s.cfg.BatchIdle,
		}, s.handler(ctx, s.storeAttributed))
	})
	g.Go(func() error { return s.trim(ctx) })
	g.Go(func() error { return s.rollups(ctx) })
	return g.Wait()
}

// A task is what one group of messages needs done. It works within ctx; stop
// ends earlier, when the service is asked to stop: from then on nothing is
// waited for.
type task func(ctx, stop context.Context, msgs []*bus.Message) error

func (s *Service) handler(stop context.Context, do task) func(context.Context, []*bus.Message) error {
	return func(ctx context.Context, msgs []*bus.Message) error { return do(ctx, stop, msgs) }
}

// persist calls do until it succeeds, the rows are refused, or the service is
// asked to stop. The messages stay in hand meanwhile.
func (s *Service) persist(ctx, stop context.Context, do func(context.Context) error) error {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval, pauses.Multiplier = 100*time.Millisecond, 5*time.Second, 2
	for {
		err := do(ctx)
		if err == nil || clickhouse.Refused(err) || ctx.Err() != nil || stop.Err() != nil {
			return err
		}
		trouble := clickhouse.Classify(err)
		pause := pauses.NextBackOff()
		s.metrics.troubles.WithLabelValues(string(trouble)).Inc()
		s.troubles.Do(func() {
			s.log.Warn("clickhouse does not take a batch, trying again", "trouble", string(trouble), "pause", pause, "error", err)
		})
		select {
		case <-time.After(pause):
		case <-stop.Done():
			return err
		}
	}
}
