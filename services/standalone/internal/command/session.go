package command

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/services/ingest"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
	"github.com/whoknocks/whoknocks/services/standalone"
	"github.com/whoknocks/whoknocks/services/standalone/internal/datadir"
)

// patience is how long a command waits for another that holds the data
// directory without running what this one needs.
const patience = time.Minute

// handover is how long a command that was told to stop waits for others that
// use its parts.
const handover = 5 * time.Second

// session is what a command works with: parts of its own, or those of the
// process that has the data directory.
type session struct {
	cfg    standalone.Config
	log    *slog.Logger
	db     *clickhouse.DB
	dsn    string
	bus    *bus.Bus        // for Bus and above
	ingest *ingest.Service // for Pipeline and above
}

// with calls f with a session on the data directory and ends the session
// afterwards. Another command may join meanwhile; it is waited for, unless ctx
// ends.
func (a *app) with(ctx context.Context, level standalone.Level, more setting, f func(context.Context, *session) error) error {
	cfg, log, err := a.config(slog.LevelWarn)
	if err != nil {
		return err
	}
	more.apply(&cfg)
	if cfg.Apart() {
		return joined(ctx, cfg, level, log, cfg.ClickHouse.DSN, cfg.Services(), f)
	}
	need := datadir.Endpoints{ClickHouse: "needed"}
	if level >= standalone.Bus {
		need.Bus = "needed"
	}
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	owner, client, err := datadir.OwnOrJoin(wait, a.data, need)
	if err != nil {
		return err
	}
	if client != nil {
		err := joined(ctx, cfg, level, log, client.ClickHouse, bus.Config{URL: client.Bus, Name: "whoknocks"}, f)
		return errors.Join(err, client.Leave())
	}
	return a.owned(ctx, cfg, level, log, owner, func(ctx context.Context, s *standalone.Standalone) error {
		own := &session{cfg: cfg, log: log, db: s.DB, dsn: s.DSN, ingest: s.Ingest}
		if level >= standalone.Bus {
			if own.bus, err = s.Connect(ctx, "command"); err != nil {
				return err
			}
		}
		return f(ctx, own)
	})
}

// owned starts the parts that level names on the directory of owner, calls f,
// stops the parts and releases the directory. f's context ends with ctx and when
// a part fails. Commands that have joined meanwhile are waited for; once ctx has
// ended, for handover at most.
func (a *app) owned(ctx context.Context, cfg standalone.Config, level standalone.Level, log *slog.Logger, owner *datadir.Owner,
	f func(context.Context, *standalone.Standalone) error) (err error) {
	// The parts outlive ctx: what f has begun is finished with them.
	s, err := standalone.Start(context.WithoutCancel(ctx), cfg, level, a.data, log)
	defer func() { err = errors.Join(err, s.Stop(), owner.Release()) }()
	if err != nil {
		return err
	}
	err = owner.Announce(datadir.Endpoints{Bus: s.BusURL, ClickHouse: s.DSN, Page: s.Page})
	if err != nil {
		return err
	}
	work, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-s.Failed():
			cancel()
		case <-work.Done():
		}
	}()
	err = f(work, s)
	if work.Err() != nil && ctx.Err() == nil && errors.Is(err, context.Canceled) {
		err = nil // a part failed: Stop tells which, and why
	}
	if err != nil && ctx.Err() == nil {
		err = errors.Join(err, s.Trouble(ctx)) // a full disk, say
	}
	leave, done := context.WithCancel(context.WithoutCancel(ctx))
	defer done()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(handover, done) })()
	if err := owner.Retire(leave); err != nil {
		log.Warn("other commands lose this process while they use it", "error", err)
	}
	return err
}

// joined connects to parts that run elsewhere: in the process that has the data
// directory, or as services of their own.
func joined(ctx context.Context, cfg standalone.Config, level standalone.Level, log *slog.Logger, dsn string, server bus.Config,
	f func(context.Context, *session) error) error {
	db, err := clickhouse.Open(ctx, cfg.Database(dsn), clickhouse.WithLog(log))
	if err != nil {
		return err
	}
	defer db.Close()
	s := &session{cfg: cfg, log: log, db: db, dsn: dsn}
	if level >= standalone.Bus {
		b, err := bus.Connect(ctx, server, bus.WithLogger(log))
		if err != nil {
			return err
		}
		defer b.Close()
		s.bus = b
	}
	if level >= standalone.Pipeline {
		if s.ingest, err = ingest.New(cfg.Ingest, s.bus, log, prometheus.NewRegistry()); err != nil {
			return err
		}
	}
	return f(ctx, s)
}

// setting changes the configuration by the flags of one command.
type setting func(*standalone.Config)

func (s setting) apply(cfg *standalone.Config) {
	if s != nil {
		s(cfg)
	}
}
