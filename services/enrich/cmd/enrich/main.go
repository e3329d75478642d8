// Command enrich adds owners and causes to the events on the bus; see package
// enrich.
package main

import (
	"context"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/services/enrich"
	"github.com/whoknocks/whoknocks/services/internal/cli"
	"github.com/whoknocks/whoknocks/services/internal/run"
)

type configuration struct {
	Bus    bus.Config    `koanf:"bus"`
	Enrich enrich.Config `koanf:"enrich"`
}

func main() {
	defaults := configuration{Bus: bus.DefaultConfig(), Enrich: enrich.DefaultConfig()}
	defaults.Bus.Name = "enrich"
	cli.Main(cli.Program[configuration]{
		Name:     "enrich",
		Short:    "Tell who sent each event on the bus, and why",
		Example:  "  enrich --config enrich.yaml\n  enrich --set bus.url=nats://nats:4222 --set enrich.rules=owners.yaml --set enrich.whois.enabled=false",
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
	s, err := enrich.New(cfg.Enrich, b, p.Log, p.Metrics)
	if err != nil {
		return err
	}
	p.Health.Set("bus", func(context.Context) error { return b.Healthy() })
	return p.Serve(ctx, run.Component{Name: "enrich", Run: s.Run, Drain: 2 * cfg.Enrich.Drain})
}
