// Package standalone runs everything in one process tree: the bus, the engine
// and the same services that run apart when they are deployed. It holds no logic
// of its own: it starts the parts in order and stops them in reverse.
//
// The engine is a child process (package chdb), so that its crash or its memory
// limit does not take the services along.
package standalone

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/services/enrich"
	"github.com/whoknocks/whoknocks/services/ingest"
	"github.com/whoknocks/whoknocks/services/internal/cli"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
	"github.com/whoknocks/whoknocks/services/internal/ops"
	"github.com/whoknocks/whoknocks/services/internal/run"
	"github.com/whoknocks/whoknocks/services/report"
	"github.com/whoknocks/whoknocks/services/store"
)

// Level is how much of the process tree runs. Each level holds those before it.
type Level int

// The levels.
const (
	Database Level = iota // the engine: enough to ask
	Bus                   // the bus as well: enough to see how it stands
	Pipeline              // enrich and store as well: enough to import
	Full                  // listeners, page and metrics as well, on the configured addresses
)

// Standalone is a running process tree.
type Standalone struct {
	cfg     Config
	level   Level
	data    string
	log     *slog.Logger
	group   *run.Group
	metrics *prometheus.Registry
	health  *ops.Health
	server  nats.InProcessConnProvider

	// What the level runs; nil and empty are parts that it does not.
	DB     *clickhouse.DB
	Ingest *ingest.Service
	DSN    string // of the database, with the right to write
	BusURL string
	Page   string // URL of the page
	SQL    string // URL for clients that only read; empty with a server of the user's own
	Syslog string // the addresses that syslog is taken on, for people
}

// Start starts the parts that level names on the data directory, which the
// caller must own, and returns when they serve. The caller must Stop what was
// started, also after an error. It lives until Stop, or until ctx ends.
func Start(ctx context.Context, cfg Config, level Level, data string, log *slog.Logger) (*Standalone, error) {
	s := &Standalone{
		cfg: cfg, level: level, data: data, log: log,
		group: run.NewGroup(ctx, log), metrics: ops.NewRegistry("whoknocks", cli.Version), health: &ops.Health{},
	}
	steps := []func(context.Context) error{s.startEngine, s.openDatabase}
	if level >= Bus {
		steps = append(steps, s.startBus)
	}
	if level >= Pipeline {
		steps = append(steps, s.startPipeline)
	}
	if level >= Full {
		steps = append(steps, s.startListeners)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return s, err
		}
	}
	return s, nil
}

// Failed is closed when a part has failed; Stop returns why.
func (s *Standalone) Failed() <-chan struct{} { return s.group.Failed() }

// Trouble returns what the parts say is wrong with them, nil for nothing.
func (s *Standalone) Trouble(ctx context.Context) error {
	var errs []error
	for _, r := range s.health.Results(ctx) {
		if r.Err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", r.Name, r.Err))
		}
	}
	return errors.Join(errs...)
}

// Stop ends the parts in reverse order and blocks until each has finished what
// it had begun, or its time for that is over.
func (s *Standalone) Stop() error { return s.group.Stop() }

// address is the configured address when the whole tree runs, and any free one
// for a command that needs a part for itself.
func (s *Standalone) address(configured string) string {
	if s.level < Full {
		return "127.0.0.1:0"
	}
	return configured
}

func (s *Standalone) openDatabase(ctx context.Context) error {
	db, err := clickhouse.Open(ctx, s.cfg.Database(s.DSN), clickhouse.WithLog(s.log))
	if err != nil {
		return err
	}
	s.DB = db
	s.health.Set("clickhouse", db.Ping)
	if err := s.group.Start(closing("database", db.Close)); err != nil {
		return err
	}
	return db.Migrate(ctx)
}

// Connect opens a connection of its own for one part: a single one for all
// would make their traffic wait for each other. It is closed by Stop.
func (s *Standalone) Connect(ctx context.Context, part string) (*bus.Bus, error) {
	b, err := bus.Connect(ctx, bus.Config{URL: s.BusURL, Name: "whoknocks " + part},
		bus.WithInProcess(s.server), bus.WithLogger(s.log.With("part", part)))
	if err != nil {
		return nil, err
	}
	s.health.Set("bus of "+part, func(context.Context) error { return b.Healthy() })
	return b, s.group.Start(closing("bus of "+part, func() error { b.Close(); return nil }))
}

func (s *Standalone) startPipeline(ctx context.Context) error {
	b, err := s.Connect(ctx, "store")
	if err != nil {
		return err
	}
	stored, err := store.New(s.cfg.Store, b, s.DB, s.log.With("part", "store"), s.metrics)
	if err != nil {
		return err
	}
	if b, err = s.Connect(ctx, "enrich"); err != nil {
		return err
	}
	enriched, err := enrich.New(s.cfg.Enrich, b, s.log.With("part", "enrich"), s.metrics)
	if err != nil {
		return err
	}
	if b, err = s.Connect(ctx, "ingest"); err != nil {
		return err
	}
	if s.Ingest, err = ingest.New(s.cfg.Ingest, b, s.log.With("part", "ingest"), s.metrics); err != nil {
		return err
	}
	return errors.Join(
		s.group.Start(run.Component{Name: "store", Run: stored.Run}),
		s.group.Start(run.Component{Name: "enrich", Run: enriched.Run}),
	)
}

func (s *Standalone) startListeners(context.Context) error {
	page, err := report.New(s.cfg.Report, s.DB, s.log.With("part", "report"), s.metrics)
	if err != nil {
		return err
	}
	if err := s.group.Start(run.Component{Name: "report", Run: page.Run, Ready: page.Ready()}); err != nil {
		return err
	}
	s.Page = page.URL()
	if s.cfg.Ops.Listen != "" {
		metrics, err := ops.New(s.cfg.Ops, s.health, s.metrics, s.log.With("part", "ops"))
		if err != nil {
			return err
		}
		if err := s.group.Start(run.Component{Name: "ops", Run: metrics.Run}); err != nil {
			return err
		}
	}
	if err := s.group.Start(run.Component{Name: "ingest", Run: s.Ingest.Run, Ready: s.Ingest.Ready()}); err != nil {
		return err
	}
	udp, tcp := s.Ingest.SyslogAddrs()
	s.Syslog = fmt.Sprintf("UDP %s, TCP %s", cmp.Or(udp, "off"), cmp.Or(tcp, "off"))
	return nil
}

// closing is a component that holds something open until it is stopped.
func closing(name string, shut func() error) run.Component {
	return run.Component{Name: name, Drain: 30 * time.Second, Run: func(ctx context.Context) error {
		<-ctx.Done()
		return shut()
	}}
}
