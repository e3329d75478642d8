package command

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/spf13/cobra"

	"github.com/whoknocks/whoknocks/services/enrich"
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
	var (
		sel     selection
		why     string
		suggest bool
	)
	cmd := &cobra.Command{
		Use:   "owners",
		Short: "Who knocked: one row for each owner",
		Long: "owners prints one row for each owner. --why NAME tells what an owner's attempts rest on: the rules, the\n" +
			"registered names and the AS. --suggest prints owners that are probably one as a file of owner rules: read it,\n" +
			"strike out what is wrong, and name it in enrich.rules.",
		Example: `  whoknocks owners --month 2012-04
  whoknocks owners --since 2012-01-01 --cause scan --limit 20 --format markdown
  whoknocks owners --why Akamai
  whoknocks owners --suggest > my-owners.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if why != "" {
				sel.owner = why
			}
			filter, format, err := sel.parse()
			if err != nil {
				return run.Usage(err)
			}
			return a.with(cmd.Context(), standalone.Database, nil, func(ctx context.Context, s *session) error {
				reader := report.NewReader(s.db.Conn())
				if suggest {
					return suggestOwners(ctx, a, reader, filter)
				}
				table, err := ownersTable(ctx, reader, filter, why != "")
				if err != nil {
					return err
				}
				return table.Write(a.out, format)
			})
		},
	}
	sel.register(cmd)
	cmd.Flags().StringVar(&why, "why", "", "tell why attempts have the owner `NAME`")
	cmd.Flags().BoolVar(&suggest, "suggest", false, "print owners that are probably one, as owner rules")
	cmd.MarkFlagsMutuallyExclusive("why", "owner", "suggest")
	cmd.MarkFlagsMutuallyExclusive("suggest", "format")
	return cmd
}

// writer is a table.
type writer interface {
	Write(out io.Writer, format report.Format) error
}

func ownersTable(ctx context.Context, reader *report.Reader, filter report.Filter, why bool) (writer, error) {
	if why {
		return reader.Why(ctx, filter)
	}
	return reader.Owners(ctx, filter)
}

func suggestOwners(ctx context.Context, a *app, reader *report.Reader, filter report.Filter) error {
	names, err := reader.OwnerNames(ctx, filter)
	if err != nil {
		return err
	}
	owners := make([]enrich.NamedOwner, len(names))
	for i, n := range names {
		owners[i] = enrich.NamedOwner(n)
	}
	rules, n := enrich.Suggest(owners)
	if n == 0 {
		_, err := fmt.Fprintln(a.err, "nothing to suggest: no two owners look like one")
		return err
	}
	_, err = io.WriteString(a.out, "# Owners that are probably one. Some are wrong: strike them out.\n"+rules)
	return err
}

func (a *app) sourcesCommand() *cobra.Command {
	var (
		sel   selection
		mask  bool
		asOf  string
		rules []string
	)
	cmd := &cobra.Command{
		Use:   "sources",
		Short: "Which addresses knocked: address, country, owner, attempts, and the total",
		Long: "sources prints one row for each address and owner. Owners are those of the time of the attempts, as near as\n" +
			"anybody could tell; --as-of now tells who has the addresses today, by the rules, the answers that are kept and\n" +
			"the IP data. Rows with an asterisk have an owner who was learnt long after the attempts.",
		Example: `  whoknocks sources --month 2012-04
  whoknocks sources --month 2012-04 --as-of now
  whoknocks sources --owner Akamai --mask --format csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, format, err := sel.parse()
			if err != nil {
				return run.Usage(err)
			}
			when, err := report.ParseAsOf(asOf)
			if err != nil {
				return run.Usage(fmt.Errorf("--as-of: %w", err))
			}
			level := standalone.Database
			if when == report.Now {
				level = standalone.Bus
			}
			return a.with(cmd.Context(), level, withRules(rules), func(ctx context.Context, s *session) error {
				table, err := s.sources(ctx, filter, when)
				if err != nil {
					return err
				}
				if mask {
					table = table.Mask()
				}
				return table.Write(a.out, format)
			})
		},
	}
	sel.register(cmd)
	cmd.Flags().BoolVar(&mask, "mask", false, "print a letter for the hidden part of each address")
	cmd.Flags().StringVar(&asOf, "as-of", string(report.Then), "owners of the time of the attempts (then) or of today (now)")
	cmd.Flags().StringArrayVar(&rules, "rules", nil, "with --as-of now, `file` of owner rules that goes before those of the configuration (repeatable)")
	return cmd
}

func (s *session) sources(ctx context.Context, filter report.Filter, asOf report.AsOf) (report.Sources, error) {
	reader := report.NewReader(s.db.Conn())
	if asOf == report.Then {
		return reader.Sources(ctx, filter)
	}
	owner, limit := filter.Owner, filter.Limit
	filter.Owner, filter.Limit = "", 0 // of those of today, not of those that are stored
	table, err := reader.Sources(ctx, filter)
	if err != nil {
		return table, err
	}
	known, err := enrich.New(s.cfg.Enrich, s.bus, s.log, nil)
	if err != nil {
		return table, err
	}
	if err := known.Load(ctx); err != nil {
		return table, err
	}
	holders, now := known.Holders(), time.Now()
	return table.Now(func(addr netip.Addr) report.Holder {
		f := holders(addr, now)
		return report.Holder{Owner: f.Owner, Country: f.Country, AsOf: f.OwnerAsOf}
	}, owner, limit)
}
