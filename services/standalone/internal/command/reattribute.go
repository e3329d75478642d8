package command

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/whoknocks/whoknocks/services/enrich"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
	"github.com/whoknocks/whoknocks/services/report"
	"github.com/whoknocks/whoknocks/services/standalone"
)

func (a *app) reattributeCommand() *cobra.Command {
	var (
		rules  []string
		dryRun bool
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "reattribute",
		Short: "Apply newer answers and changed owner rules to what is stored",
		Long: "reattribute attributes every stored event anew: by the owner rules that were valid at its time, by the registry's\n" +
			"answer that is nearest to it, and by the families of now. What was found out at the time of an event stays. It\n" +
			"goes month by month; readers see each event once all the while. When it is cut off, the next run does the rest.\n" +
			"What it has changed is in table revisions.",
		Example: `  whoknocks reattribute --dry-run
  whoknocks reattribute --rules my-owners.yaml
  whoknocks sql 'SELECT * FROM revisions ORDER BY at DESC LIMIT 20'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), standalone.Bus, withRules(rules), func(ctx context.Context, s *session) error {
				changed, err := s.reattribute(ctx, dryRun)
				if asJSON {
					return cmp.Or(err, json.NewEncoder(a.out).Encode(changed))
				}
				changed.print(a.out)
				return err
			})
		},
	}
	cmd.Flags().StringArrayVar(&rules, "rules", nil, "`file` of owner rules that goes before those of the configuration (repeatable)")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "change nothing, show what would change")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as one JSON object")
	return cmd
}

// changes is what reattribute did, or would do.
type changes struct {
	DryRun   bool     `json:"dry_run"`
	Events   uint64   `json:"events"` // that are changed
	Attempts uint64   `json:"attempts"`
	Months   int      `json:"months"` // that were looked at
	Owners   []change `json:"owners"` // the most attempts first
}

type change struct {
	Before   string `json:"before"`
	After    string `json:"after"`
	Why      string `json:"why"`
	Events   uint64 `json:"events"`
	Attempts uint64 `json:"attempts"`
}

func (s *session) reattribute(ctx context.Context, dryRun bool) (sum changes, err error) {
	sum = changes{DryRun: dryRun, Owners: []change{}}
	known, err := enrich.New(s.cfg.Enrich, s.bus, s.log, nil)
	if err != nil {
		return sum, err
	}
	if err := known.Load(ctx); err != nil {
		return sum, err
	}
	months, err := s.db.EventMonths(ctx)
	if err != nil {
		return sum, err
	}
	revise, bounds := known.Revise(), known.Epochs()
	owners := map[[2]string]*change{}
	for _, month := range months {
		var list []clickhouse.Revision
		err := s.db.Held(ctx, month, bounds, func(h clickhouse.Held) error {
			now := revise(&h.Facts, h.SrcIP, h.First)
			if !now.Differs(&h.Facts) {
				return nil
			}
			list = append(list, clickhouse.Revision{Held: h, Facts: now.Facts, Dated: now.Dated})
			return nil
		})
		if err == nil && !dryRun {
			_, err = s.db.Revise(ctx, month, bounds, list)
		}
		if err != nil {
			return sum, err
		}
		sum.Months++
		for _, r := range list {
			key := [2]string{r.Held.Facts.Owner, r.Facts.Owner}
			c := owners[key]
			if c == nil {
				c = &change{Before: key[0], After: key[1], Why: r.Facts.OwnerWhy}
				owners[key] = c
			}
			c.Events, c.Attempts = c.Events+r.Events, c.Attempts+r.Attempts
			sum.Events, sum.Attempts = sum.Events+r.Events, sum.Attempts+r.Attempts
		}
		s.log.Info("month re-attributed", "month", month.Format("2006-01"), "of", len(months), "changed", len(list))
	}
	for _, c := range slices.SortedFunc(maps.Values(owners), func(a, b *change) int {
		return cmp.Or(cmp.Compare(b.Attempts, a.Attempts), cmp.Compare(a.Before, b.Before), cmp.Compare(a.After, b.After))
	}) {
		sum.Owners = append(sum.Owners, *c)
	}
	return sum, nil
}

// maxChanges is how many changes of owners are printed.
const maxChanges = 40

func (c changes) print(w io.Writer) {
	if len(c.Owners) > 0 {
		t := table.NewWriter()
		t.SetOutputMirror(w)
		t.AppendHeader(table.Row{"owner until now", "owner", "attempts", "events", "why"})
		for _, o := range c.Owners[:min(len(c.Owners), maxChanges)] {
			t.AppendRow(table.Row{report.Printable(cmp.Or(o.Before, report.NoOwner)), report.Printable(cmp.Or(o.After, report.NoOwner)), o.Attempts, o.Events, report.Printable(o.Why)})
		}
		t.Render()
	}
	if n := len(c.Owners) - maxChanges; n > 0 {
		_, _ = fmt.Fprintf(w, "and %d more\n", n)
	}
	done := "changed"
	if c.DryRun {
		done = "would change"
	}
	_, _ = fmt.Fprintf(w, "%s %s, in %s\n", report.Plural(c.Events, "event"), done, report.Plural(int64(c.Months), "month"))
}
