// Command report serves the page with owners and sources; see package report.
package main

import (
	"context"
	"errors"

	"github.com/whoknocks/whoknocks/services/internal/cli"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
	"github.com/whoknocks/whoknocks/services/internal/run"
	"github.com/whoknocks/whoknocks/services/report"
)

type configuration struct {
	ClickHouse clickhouse.Config `koanf:"clickhouse"`
	Report     report.Config     `koanf:"report"`
}

func main() {
	cli.Main(cli.Program[configuration]{
		Name:  "report",
		Short: "Serve the page with owners and sources, and the documentation",
		Example: "  report --config report.yaml\n" +
			"  report --set clickhouse.dsn=http://user:password@clickhouse:8123/whoknocks --set report.listen=0.0.0.0:8080",
		Defaults: configuration{ClickHouse: clickhouse.DefaultConfig(), Report: report.DefaultConfig()},
		Run:      serve,
	})
}

func serve(ctx context.Context, p *cli.Process, cfg configuration) (err error) {
	db, err := clickhouse.Open(ctx, cfg.ClickHouse, clickhouse.WithLog(p.Log))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	s, err := report.New(cfg.Report, db, p.Log, p.Metrics)
	if err != nil {
		return err
	}
	p.Health.Set("clickhouse", db.Ping)
	return p.Serve(ctx, run.Component{Name: "report", Run: s.Run, Ready: s.Ready(), Drain: 2 * cfg.Report.Drain})
}
