package command

import (
	"context"
	"errors"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/services/enrich"
	"github.com/whoknocks/whoknocks/services/ingest"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
	"github.com/whoknocks/whoknocks/services/standalone"
	"github.com/whoknocks/whoknocks/services/store"
)

func (a *app) setupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "setup",
		Short: "Make the tables, streams and buckets of services that run apart",
		Long: "setup makes what the separate services find on a NATS server and a ClickHouse of yours, or brings it up to\n" +
			"date: for servers on which only an administrator may. Otherwise each service makes what it needs. It waits\n" +
			"for both servers, and running it again changes nothing.",
		Example: "  whoknocks setup --set bus.url=nats://nats:4222 --set bus.user=admin --set bus.password=… \\\n" +
			"    --set clickhouse.dsn=http://migrator:…@clickhouse:8123/whoknocks",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, log, err := a.config(slog.LevelInfo)
			if err != nil {
				return err
			}
			if !cfg.Apart() {
				return errors.New("setup wants bus.url and clickhouse.dsn; what runs embedded needs none")
			}
			return setup(cmd.Context(), cfg, log)
		},
	}
}

func setup(ctx context.Context, cfg standalone.Config, log *slog.Logger) error {
	db, err := clickhouse.Open(ctx, cfg.Database(cfg.ClickHouse.DSN), clickhouse.WithLog(log))
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	b, err := bus.Connect(ctx, cfg.Services(), bus.WithLogger(log)) // makes the streams
	if err != nil {
		return err
	}
	defer b.Close()
	for _, prepare := range []func() error{
		func() error { return ingest.Prepare(ctx, b) },
		func() error { return enrich.Prepare(ctx, b, cfg.Enrich) },
		func() error { return store.Prepare(ctx, b) },
	} {
		if err := prepare(); err != nil {
			return err
		}
	}
	log.Info("tables, streams and buckets are there")
	return nil
}
