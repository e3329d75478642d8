package command

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/whoknocks/whoknocks/services/internal/run"
	"github.com/whoknocks/whoknocks/services/report"
	"github.com/whoknocks/whoknocks/services/standalone"
)

// selection is the flags that owners and sources share.
type selection struct {
	month, since, until         string
	owner, sensor, proto, cause string
	limit                       int
	format                      string
}

func (s *selection) register(cmd *cobra.Command) {
	s.time(cmd)
	flags := cmd.Flags()
	flags.StringVar(&s.owner, "owner", "", "only this owner")
	flags.StringVar(&s.proto, "proto", "", "only this protocol, such as udp")
	flags.StringVar(&s.cause, "cause", "", "only this cause, such as scan or reply")
}

// time registers what other tables take, too.
func (s *selection) time(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&s.month, "month", "", "only this month, as `YYYY-MM`")
	flags.StringVar(&s.since, "since", "", "only what is of this `time` or later (YYYY-MM-DD or RFC 3339, UTC)")
	flags.StringVar(&s.until, "until", "", "only what is of before this `time`")
	flags.StringVar(&s.sensor, "sensor", "", "only this sensor")
	flags.IntVar(&s.limit, "limit", 0, "at most this `number` of rows (0 is all)")
	flags.StringVar(&s.format, "format", "table", "table, csv, json or markdown")
	cmd.MarkFlagsMutuallyExclusive("month", "since")
	cmd.MarkFlagsMutuallyExclusive("month", "until")
}

// parse checks the flags. Its errors name the flag.
func (s *selection) parse() (f report.Filter, format report.Format, err error) {
	f = report.Filter{Owner: s.owner, Sensor: s.sensor, Proto: s.proto, Cause: s.cause, Limit: s.limit}
	if s.month != "" {
		if f.Since, f.Until, err = report.Month(s.month); err != nil {
			return f, "", fmt.Errorf("--month: %w", err)
		}
	}
	if f.Since, err = instant("--since", s.since, f.Since); err != nil {
		return f, "", err
	}
	if f.Until, err = instant("--until", s.until, f.Until); err != nil {
		return f, "", err
	}
	if format, err = report.ParseFormat(s.format); err != nil {
		return f, "", fmt.Errorf("--format: %w", err)
	}
	return f, format, f.Validate()
}

// instant reads a day or a moment; a day is its midnight in UTC, and no text is
// what there is otherwise.
func instant(flag, text string, otherwise time.Time) (time.Time, error) {
	if text == "" {
		return otherwise, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%s %q: want YYYY-MM-DD or RFC 3339", flag, text)
}

func (a *app) ownersCommand() *cobra.Command {
	var sel selection
	cmd := &cobra.Command{
		Use:   "owners",
		Short: "Who knocked: one row for each owner",
		Example: `  whoknocks owners --month 2012-04
  whoknocks owners --since 2012-01-01 --cause scan --limit 20 --format markdown`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, format, err := sel.parse()
			if err != nil {
				return run.Usage(err)
			}
			return a.with(cmd.Context(), standalone.Database, nil, func(ctx context.Context, s *session) error {
				table, err := report.NewReader(s.db.Conn()).Owners(ctx, filter)
				if err != nil {
					return err
				}
				return table.Write(a.out, format)
			})
		},
	}
	sel.register(cmd)
	return cmd
}

func (a *app) sourcesCommand() *cobra.Command {
	var (
		sel  selection
		mask bool
	)
	cmd := &cobra.Command{
		Use:   "sources",
		Short: "Which addresses knocked: address, country, owner, attempts, and the total",
		Example: `  whoknocks sources --month 2012-04
  whoknocks sources --owner Akamai --mask --format csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, format, err := sel.parse()
			if err != nil {
				return run.Usage(err)
			}
			return a.with(cmd.Context(), standalone.Database, nil, func(ctx context.Context, s *session) error {
				return s.sources(ctx, a.out, filter, format, mask)
			})
		},
	}
	sel.register(cmd)
	cmd.Flags().BoolVar(&mask, "mask", false, "print a letter for the hidden part of each address")
	return cmd
}

func (s *session) sources(ctx context.Context, out io.Writer, filter report.Filter, format report.Format, mask bool) error {
	table, err := report.NewReader(s.db.Conn()).Sources(ctx, filter)
	if err != nil {
		return err
	}
	if mask {
		table = table.Mask()
	}
	return table.Write(out, format)
}
