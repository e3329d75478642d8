package command

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/internal/run"
	"github.com/whoknocks/whoknocks/services/report"
	"github.com/whoknocks/whoknocks/services/standalone"
)

func (a *app) rejectsCommand() *cobra.Command {
	var (
		sel             selection
		kind, logFormat string
		samples         int
	)
	cmd := &cobra.Command{
		Use:   "rejects",
		Short: "Which lines became no event, and why",
		Long: "rejects groups the lines that became no event by reason: damaged and impossible ones (rejected), samples of\n" +
			"those that no format recognises (unrecognised), and those in which a device says that it has not logged\n" +
			"everything (gap). Quotes and numbers in reasons are folded.",
		Example: `  whoknocks rejects
  whoknocks rejects --kind unrecognised --samples 5
  whoknocks rejects --kind gap --sensor home-adsl --format json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, format, err := sel.parse()
			f := report.RejectFilter{
				Kind: scan.RejectKind(kind), LogFormat: logFormat, Samples: samples,
				Sensor: filter.Sensor, Since: filter.Since, Until: filter.Until, Limit: filter.Limit,
			}
			if err == nil {
				err = f.Validate()
			}
			if err != nil {
				return run.Usage(err)
			}
			return a.with(cmd.Context(), standalone.Database, nil, func(ctx context.Context, s *session) error {
				table, err := report.NewReader(s.db.Conn()).Rejects(ctx, f)
				if err != nil {
					return err
				}
				return table.Write(a.out, format)
			})
		},
	}
	sel.time(cmd)
	flags := cmd.Flags()
	flags.StringVar(&kind, "kind", "", "only this kind: rejected, unrecognised or gap")
	flags.StringVar(&logFormat, "log-format", "", "only lines that this log format has claimed")
	flags.IntVar(&samples, "samples", 1, fmt.Sprintf("lines shown of each group (0 to %d)", report.MaxSamples))
	return cmd
}
