// Command ingest takes syslog from routers and puts events on the bus; see
// package ingest.
package main

import (
	"context"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/services/ingest"
	"github.com/whoknocks/whoknocks/services/internal/cli"
	"github.com/whoknocks/whoknocks/services/internal/run"
)

type configuration struct {
	Bus    bus.Config    `koanf:"bus"`
	Ingest ingest.Config `koanf:"ingest"`
}

func main() {
	defaults := configuration{Bus: bus.DefaultConfig(), Ingest: ingest.DefaultConfig()}
	defaults.Bus.Name = "ingest"
	cli.Main(cli.Program[configuration]{
		Name:     "ingest",
		Short:    "Take syslog from routers and put events on the bus",
		Example:  "  ingest --config ingest.yaml\n  ingest --set bus.url=nats://nats:4222 --set ingest.syslog_udp=0.0.0.0:5514 --set ingest.sensor=home-adsl",
		Defaults: defaults,
		Run:      serve,
	})
}

func serve(ctx context.Context, p *cli.Process, cfg configuration) error {
	b, err := bus.Connect(ctx, cfg.Bus, bus.WithLogger(p.Log))
	if err != nil {
		return err
	}
	defer b.Close()
	s, err := ingest.New(cfg.Ingest, b, p.Log, p.Metrics)
	if err != nil {
		return err
	}
	p.Health.Set("bus", func(context.Context) error { return b.Healthy() })
	return p.Serve(ctx, run.Component{Name: "ingest", Run: s.Run, Ready: s.Ready(), Drain: 2 * cfg.Ingest.Drain})
}
