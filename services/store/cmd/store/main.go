// Command store keeps what the bus carries in ClickHouse; see package store.
package main

import (
	"context"
	"errors"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/services/internal/cli"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
	"github.com/whoknocks/whoknocks/services/internal/run"
	"github.com/whoknocks/whoknocks/services/store"
)

type configuration struct {
	Bus        bus.Config        `koanf:"bus"`
	ClickHouse clickhouse.Config `koanf:"clickhouse"`
	Store      store.Config      `koanf:"store"`
}

func main() {
	defaults := configuration{Bus: bus.DefaultConfig(), ClickHouse: clickhouse.DefaultConfig(), Store: store.DefaultConfig()}
	defaults.Bus.Name = "store"
	cli.Main(cli.Program[configuration]{
		Name:     "store",
		Short:    "Keep enriched events, rejected lines and attributions in ClickHouse",
		Example:  "  store --config store.yaml\n  store --set bus.url=nats://nats:4222 --set clickhouse.dsn=http://user:password@clickhouse:8123/whoknocks",
		Defaults: defaults,
		Run:      serve,
	})
}

func serve(ctx context.Context, p *cli.Process, cfg configuration) (err error) {
	db, err := clickhouse.Open(ctx, cfg.ClickHouse, clickhouse.WithLog(p.Log))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	b, err := bus.Connect(ctx, cfg.Bus, bus.WithLogger(p.Log))
	if err != nil {
		return err
	}
	defer b.Close()
	s, err := store.New(cfg.Store, b, db, p.Log, p.Metrics)
	if err != nil {
		return err
	}
	p.Health.Set("clickhouse", db.Ping)
	p.Health.Set("bus", func(context.Context) error { return b.Healthy() })
	return p.Serve(ctx, run.Component{Name: "store", Run: s.Run, Ready: s.Ready(), Drain: 2 * cfg.Store.Drain})
}
