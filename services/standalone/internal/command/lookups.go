package command

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/whoknocks/whoknocks/services/enrich"
	"github.com/whoknocks/whoknocks/services/report"
	"github.com/whoknocks/whoknocks/services/standalone"
)

func (a *app) lookupsCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "lookups",
		Short: "How the questions to registries stand",
		Long: "lookups tells of each WHOIS and RDAP server how much of its daily budget is used, how many addresses wait for\n" +
			"it, and until when it is left alone and why; how many answers are kept; and as of when the IP data is.",
		Example: "  whoknocks lookups\n  whoknocks lookups --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), standalone.Bus, nil, func(ctx context.Context, s *session) error {
				l, err := enrich.ReadLookups(ctx, s.bus, s.cfg.Enrich)
				if err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(a.out).Encode(l)
				}
				printLookups(a.out, l, time.Now())
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func printLookups(w io.Writer, l enrich.Lookups, now time.Time) {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.AppendHeader(table.Row{"server", "asked", "of", "waiting", "left alone until", "why"})
	for _, s := range l.Servers {
		until := ""
		if !s.Paused.IsZero() {
			until = s.Paused.UTC().Format(time.DateTime) + " UTC"
		}
		t.AppendRow(table.Row{report.Printable(s.Server), s.Asked, s.Budget, s.Waiting, until, report.Printable(s.Why)})
	}
	if len(l.Servers) == 0 {
		_, _ = fmt.Fprintln(w, "no registry has been asked yet")
	} else {
		t.Render()
	}
	lines := []string{fmt.Sprintf("%s kept, %s running", report.Plural(int64(l.Answers), "answer"), report.Plural(int64(l.Services), "enrich service"))}
	if l.Names > 0 {
		lines = append(lines, fmt.Sprintf("%d addresses wait for the DNS", l.Names))
	}
	for _, d := range l.Data {
		line := d.What + " data of unknown age"
		if !d.AsOf.IsZero() {
			line = fmt.Sprintf("%s data as of %s, %s old", d.What, d.AsOf.Format(time.DateOnly), report.Plural(int64(now.Sub(d.AsOf).Hours()/24), "day"))
		}
		if d.Stale {
			line += ": stale"
		}
		lines = append(lines, line)
	}
	_, _ = fmt.Fprintln(w, strings.Join(lines, "\n"))
}
