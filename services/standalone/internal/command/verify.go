package command

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest"
	"github.com/whoknocks/whoknocks/services/internal/clickhouse"
	"github.com/whoknocks/whoknocks/services/report"
	"github.com/whoknocks/whoknocks/services/standalone"
)

func (a *app) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Prove that no event was lost or counted twice",
		Long: "verify reads every imported file again and looks each of its events up in the database: per day (UTC)\n" +
			"lines = events + unrecognised + rejected, and how many of the events are stored. It fails if one is\n" +
			"missing or stored twice, or if roll-ups say something else than the events. What came over syslog or\n" +
			"stdin is not there to be read again.",
		Example: "  whoknocks verify",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), standalone.Pipeline, nil, func(ctx context.Context, s *session) error {
				return s.verify(ctx, a)
			})
		},
	}
}

// audit is what verify finds.
type audit struct {
	days         map[string]*auditDay
	lost, double int
	missing      []clickhouse.Key // the first few
	pending      []clickhouse.Key // not looked up yet, of any file
}

type auditDay struct {
	ingest.Counts
	stored, lost, double int
}

// maxMissing is how many lost events verify names.
const maxMissing = 10

func (s *session) verify(ctx context.Context, a *app) error {
	files, err := s.ingest.Files(ctx)
	if err != nil {
		return err
	}
	found := audit{days: make(map[string]*auditDay)}
	var notes []string
	for _, file := range files {
		days, err := s.ingest.Reread(ctx, file, func(events []scan.Event) error { return found.add(ctx, s.db, events) })
		for _, d := range days {
			found.day(d.Day).Add(d.Counts)
		}
		switch {
		case errors.Is(err, ingest.ErrGone), errors.Is(err, ingest.ErrIncomplete):
			notes = append(notes, err.Error())
		case err != nil:
			return err
		}
	}
	if err := found.check(ctx, s.db); err != nil {
		return err
	}
	// What the table itself cannot tell apart: one content under two times.
	doubles, err := s.db.Doubles(ctx)
	if err != nil {
		return err
	}
	found.print(a, len(files), notes, doubles)
	compared, wrong, err := s.db.Differ(ctx)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(a.out, "roll-ups of %s compared with the events: %d differ\n", report.Plural(compared, "month"), len(wrong))
	if len(wrong) > 0 {
		return fmt.Errorf("the roll-ups of %s differ from the events, the first of %s", report.Plural(len(wrong), "month"), wrong[0].Format("2006-01"))
	}
	if found.lost > 0 || found.double > 0 {
		return fmt.Errorf("%d events lost, %d stored twice", found.lost, found.double)
	}
	return nil
}

func (f *audit) day(name string) *auditDay {
	d := f.days[name]
	if d == nil {
		d = &auditDay{}
		f.days[name] = d
	}
	return d
}

// add takes the events of a file, and looks them up when there are enough.
func (f *audit) add(ctx context.Context, db *clickhouse.DB, events []scan.Event) error {
	for i := range events {
		f.pending = append(f.pending, clickhouse.KeyOf(&events[i]))
		if len(f.pending) == clickhouse.CheckAtOnce {
			if err := f.check(ctx, db); err != nil {
				return err
			}
		}
	}
	return nil
}

// check looks up what has been added.
func (f *audit) check(ctx context.Context, db *clickhouse.DB) error {
	seen, err := db.Check(ctx, f.pending)
	if err != nil {
		return err
	}
	for i, n := range seen {
		key := f.pending[i]
		d := f.day(key.Time.UTC().Format(time.DateOnly))
		switch {
		case n == 0:
			d.lost++
			f.lost++
			if len(f.missing) < maxMissing {
				f.missing = append(f.missing, key)
			}
			continue
		case n > 1:
			d.double++
			f.double++
		}
		d.stored++
	}
	f.pending = f.pending[:0]
	return nil
}

func (f *audit) print(a *app, files int, notes []string, doubles uint64) {
	t := table.NewWriter()
	t.SetOutputMirror(a.out)
	t.AppendHeader(table.Row{"day", "lines", "events", "unrecognised", "rejected", "stored", "lost", "double"})
	var sum auditDay
	for _, name := range slices.Sorted(maps.Keys(f.days)) {
		d := f.days[name]
		t.AppendRow(table.Row{name, d.Lines, d.Events, d.Unrecognised, d.Rejected, d.stored, d.lost, d.double})
		sum.Add(d.Counts)
		sum.stored += d.stored
	}
	t.AppendFooter(table.Row{"total", sum.Lines, sum.Events, sum.Unrecognised, sum.Rejected, sum.stored, f.lost, f.double})
	t.Render()
	for _, note := range notes {
		_, _ = fmt.Fprintln(a.err, "not checked:", report.Printable(note))
	}
	for _, k := range f.missing {
		_, _ = fmt.Fprintf(a.err, "lost: %s at %s, id %s\n", k.SrcIP, k.Time.UTC().Format(time.RFC3339), k.ID)
	}
	if doubles > 0 {
		_, _ = fmt.Fprintf(a.err, "note: %d contents are stored under two times: the same line of two years, or a log read in two ways\n", doubles)
	}
	_, _ = fmt.Fprintf(a.out, "%s read again: %d lost, %d double\n", report.Plural(files, "file"), f.lost, f.double)
}
