package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/whoknocks/whoknocks/services/ingest"
	"github.com/whoknocks/whoknocks/services/report"
	"github.com/whoknocks/whoknocks/services/standalone"
	"github.com/whoknocks/whoknocks/services/standalone/internal/datadir"
)

func (a *app) serveCommand() *cobra.Command {
	var (
		read  reading
		rules []string
		files []string
	)
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run everything: syslog, bus, database and page, until stopped",
		Example: `  whoknocks serve
  whoknocks serve --import /var/log/router.log --timezone Europe/Madrid
  whoknocks serve --set ingest.syslog_udp=0.0.0.0:5514`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts, err := read.options(a)
			if err != nil {
				return err
			}
			opts.Files = files
			cfg, log, err := a.config(slog.LevelInfo)
			if err != nil {
				return err
			}
			withRules(rules)(&cfg)
			return a.serve(cmd.Context(), cfg, log, opts)
		},
	}
	read.register(cmd)
	cmd.Flags().StringArrayVar(&rules, "rules", nil, "`file` of owner rules that goes before those of the configuration (repeatable)")
	cmd.Flags().StringArrayVar(&files, "import", nil, "log `file` to read first (repeatable)")
	return cmd
}

func (a *app) serve(ctx context.Context, cfg standalone.Config, log *slog.Logger, opts ingest.ImportOptions) error {
	if cfg.Apart() {
		return errors.New("serve runs the services itself, and bus.url names a bus where they run already")
	}
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	// No part to join is asked for that a running serve has: two of them is a mistake.
	owner, client, err := datadir.OwnOrJoin(wait, a.data, datadir.Endpoints{Page: "needed"})
	if err != nil {
		return err
	}
	if client != nil {
		return errors.Join(fmt.Errorf("process %d serves this data directory already, at %s", client.PID, client.Page), client.Leave())
	}
	err = a.owned(ctx, cfg, standalone.Full, log, owner, func(ctx context.Context, s *standalone.Standalone) error {
		return a.serving(ctx, s, &session{cfg: cfg, log: log, db: s.DB, dsn: s.DSN, ingest: s.Ingest}, opts)
	})
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w: choose another address, for the page by --set report.listen=127.0.0.1:8081 or "+
			"WHOKNOCKS_REPORT_LISTEN=127.0.0.1:8081 in the environment; whoknocks config prints them all", err)
	}
	return err
}

// serving reads the files, prints the table, and goes on until ctx ends.
func (a *app) serving(ctx context.Context, s *standalone.Standalone, own *session, opts ingest.ImportOptions) error {
	if len(opts.Files) > 0 {
		err := own.importFiles(ctx, a, opts, false)
		if err == nil {
			err = own.printSources(ctx, a.out)
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
	if ctx.Err() == nil {
		_, _ = fmt.Fprintf(a.err, "\npage    %s\nbus     %s\nSQL     %s\nsyslog  %s\nCtrl-C stops.\n", s.Page, s.BusURL, s.SQL, s.Syslog)
	}
	<-ctx.Done()
	return nil
}

func (s *session) printSources(ctx context.Context, out io.Writer) error {
	table, err := s.sources(ctx, report.Filter{Limit: tableRows}, report.Then)
	if err != nil {
		return err
	}
	return table.Write(out, report.FormatTable)
}

// tableRows is how many sources serve prints after an import.
const tableRows = 50

// withRules puts files of owner rules before those of the configuration.
func withRules(files []string) setting {
	return func(cfg *standalone.Config) { cfg.Enrich.Rules = append(files, cfg.Enrich.Rules...) }
}
