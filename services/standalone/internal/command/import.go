package command

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/whoknocks/whoknocks/services/ingest"
	"github.com/whoknocks/whoknocks/services/internal/run"
	"github.com/whoknocks/whoknocks/services/report"
	"github.com/whoknocks/whoknocks/services/standalone"
)

// reading is the flags that say how lines are read.
type reading struct {
	sensor, format, timezone, year string
}

func (r *reading) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&r.sensor, "sensor", "", "`name` of the router that wrote the lines (default ingest.sensor: home)")
	flags.StringVar(&r.format, "format", "", "log `format`: auto, "+strings.Join(ingest.Formats(), ", ")+", or one of ingest.formats (default ingest.format: auto)")
	flags.StringVar(&r.timezone, "timezone", "", "time `zone` of lines that name none, such as Europe/Madrid (default ingest.timezone: this machine's)")
	flags.StringVar(&r.year, "year", "auto", "`year` of lines that have none, or auto")
}

// options checks the flags.
func (r *reading) options(a *app) (ingest.ImportOptions, error) {
	opts := ingest.ImportOptions{Sensor: r.sensor, Format: r.format, Timezone: r.timezone}
	if r.year != "auto" {
		year, err := strconv.Atoi(r.year)
		if err != nil || year <= 0 {
			return opts, run.Usage(fmt.Errorf("--year %q: want a year or auto", r.year))
		}
		opts.Year = year
	}
	if r.format != "" {
		cfg, _, err := a.config(slog.LevelWarn)
		if err != nil {
			return opts, err
		}
		if err := ingest.CheckFormat(r.format, cfg.Ingest); err != nil {
			return opts, run.Usage(err)
		}
	}
	return opts, run.Usage(opts.Validate())
}

func (a *app) importCommand() *cobra.Command {
	var (
		read   reading
		rules  []string
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "import FILE|DIR|PATTERN...",
		Short: "Read log files to the end, until every event can be queried",
		Long: "import reads log files to the end and returns when every event can be queried. - is stdin, a\n" +
			"directory stands for all files below it, a pattern may have ** for any folders. Files may be\n" +
			"compressed (gzip, zstd, xz, bzip2), and mails or mailboxes (.eml, mbox): the text of each mail is\n" +
			"read, and the mail's date counts where the router's clock was not set. What was imported before is\n" +
			"not counted again, whatever file it is in.",
		Example: `  whoknocks import router.log
  whoknocks import /var/log/router/ 'archive/**/*.log*'
  whoknocks import ~/Mail/router.mbox
  whoknocks import --sensor home-adsl --timezone Europe/Madrid logs/*.log.gz
  zcat old.gz | whoknocks import --year 2012 --json -`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts, err := read.options(a)
			if err != nil {
				return err
			}
			opts.Files = args
			return a.with(cmd.Context(), standalone.Pipeline, withRules(rules), func(ctx context.Context, s *session) error {
				return s.importFiles(ctx, a, opts, asJSON)
			})
		},
	}
	read.register(cmd)
	cmd.Flags().StringArrayVar(&rules, "rules", nil, "`file` of owner rules that goes before those of the configuration (repeatable)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the summary as one JSON object")
	return cmd
}

// importFiles imports and prints the summary, also of an import that failed in
// part: what it counts is kept.
func (s *session) importFiles(ctx context.Context, a *app, opts ingest.ImportOptions, asJSON bool) error {
	bar := newProgress(a.err)
	opts.Stdin, opts.Progress = a.in, bar.show
	sum, failed := s.imported(ctx, opts)
	bar.done()
	var err error
	switch {
	case asJSON:
		err = json.NewEncoder(a.out).Encode(sum)
	case sum.Lines > 0 || failed == nil:
		err = printSummary(a.out, sum)
	}
	return errors.Join(failed, err)
}

// imported imports and fills in what only the database knows: how many of the
// events it had before, and how many owners are behind them.
func (s *session) imported(ctx context.Context, opts ingest.ImportOptions) (ingest.Summary, error) {
	tables, sensor := report.NewReader(s.db.Conn()), cmp.Or(opts.Sensor, s.cfg.Ingest.Sensor)
	before, err := tables.Events(ctx, sensor)
	if err != nil {
		return ingest.Summary{}, err
	}
	sum, failed := s.ingest.Import(ctx, opts)
	if sum.Events == 0 || errors.Is(failed, ingest.ErrStalled) || ctx.Err() != nil {
		return sum, failed // what is stored by now says nothing
	}
	after, err := tables.Events(ctx, sensor)
	if err != nil {
		return sum, errors.Join(failed, err)
	}
	sum.Duplicates = sum.Events - min(sum.Events, int64(after-before))
	owners, err := tables.OwnersFrom(ctx, sensor, sum.First, sum.Last, sum.Origins)
	sum.Owners = int64(owners)
	return sum, errors.Join(failed, err)
}

func printSummary(w io.Writer, sum ingest.Summary) error {
	rate := ""
	if sum.Seconds >= 1 {
		rate = fmt.Sprintf(", %.0f lines/s", float64(sum.Lines)/sum.Seconds)
	}
	_, err := fmt.Fprintf(w, "%s = %s + %d unrecognised + %d rejected\n%s, %s, %s, %s known before, %.1f s%s\n",
		report.Plural(sum.Lines, "line"), report.Plural(sum.Events, "event"), sum.Unrecognised, sum.Rejected,
		report.Plural(sum.Packets, "packet"), report.Plural(sum.Sources, "source"), report.Plural(sum.Owners, "owner"), report.Plural(sum.Duplicates, "event"),
		sum.Seconds, rate)
	if err != nil {
		return err
	}
	for _, line := range remarks(sum) {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// remarks tells what an import met besides: files that are no logs, formats in a
// mix, packets that no device logged, and what was done to times.
func remarks(sum ingest.Summary) (lines []string) {
	if sum.Skipped > 0 {
		lines = append(lines, report.Plural(sum.Skipped, "file")+" passed over: no logs")
	}
	if len(sum.Formats) > 1 {
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(sum.Formats)) {
			c := sum.Formats[name]
			part := fmt.Sprintf("%s %d", cmp.Or(name, "lines too long"), c.Events)
			if c.Rejected > 0 {
				part += fmt.Sprintf(" and %d rejected", c.Rejected)
			}
			parts = append(parts, part)
		}
		lines = append(lines, "formats: "+strings.Join(parts, ", "))
	}
	if sum.Gaps > 0 {
		lines = append(lines, fmt.Sprintf("gaps: %s of devices that have not logged everything, %s missed as far as they tell",
			report.Plural(sum.Gaps, "line"), report.Plural(sum.Missed, "packet")))
	}
	r := sum.Repairs
	var times []string
	for _, part := range []struct {
		n    int64
		what string
	}{
		{r.ZoneAssumed, "without a zone, taken as " + sum.Timezone},
		{r.YearInferred, "without a year, which was inferred"},
		{r.HourTwice, "in an hour that happened twice, taken as the first"},
		{r.HourNever, "in an hour that never happened, taken as the next"},
		{r.Relayed, "of a clock that was not set, with the relay's time"},
		{r.Unset, "of a clock that was not set, with the date of the file or mail"},
		{r.Timeless, "without any time, with the date of the file or mail"},
	} {
		if part.n > 0 {
			times = append(times, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	if len(times) > 0 {
		lines = append(lines, "times: "+strings.Join(times, "; "))
	}
	return lines
}

// progress is a bar with rate and time to go, on a terminal only.
type progress struct {
	w    io.Writer
	bar  *progressbar.ProgressBar
	name string
}

func newProgress(w io.Writer) *progress {
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return &progress{}
	}
	return &progress{w: w}
}

func (p *progress) show(now ingest.Progress) {
	if p.w == nil {
		return
	}
	if p.bar == nil || p.name != now.Name {
		p.done()
		p.name = now.Name
		p.bar = progressbar.NewOptions64(now.Size,
			progressbar.OptionSetWriter(p.w), progressbar.OptionShowBytes(true), progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	}
	what := fmt.Sprintf("%d/%d %d events", now.File, now.Files, now.Events)
	if now.Waiting {
		what = fmt.Sprintf("storing %d events", now.Events)
	}
	p.bar.Describe(what)
	_ = p.bar.Set64(min(now.Read, max(now.Size, now.Read)))
}

func (p *progress) done() {
	if p.bar != nil {
		_ = p.bar.Clear()
		p.bar = nil
	}
}
