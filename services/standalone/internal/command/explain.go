package command

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/enrich"
	"github.com/whoknocks/whoknocks/services/ingest"
	"github.com/whoknocks/whoknocks/services/internal/run"
	"github.com/whoknocks/whoknocks/services/report"
)

// maxExplained bounds one line of explain -f.
const maxExplained = 64 << 10

func (a *app) explainCommand() *cobra.Command {
	var (
		read  reading
		rules []string
		file  string
	)
	cmd := &cobra.Command{
		Use:   "explain [LINE]",
		Short: "What every stage makes of a log line, and why",
		Long: "explain reads one line as import would, and tells the format, the fields, what was done to its time,\n" +
			"who is behind the address and on what evidence, and the row it would be. Nothing is stored, nobody is asked.",
		Example: `  whoknocks explain 'Tue, 2012-04-10 18:22:01 - UDP Packet - Source:192.0.2.7,3478 Destination:198.51.100.1,1033 - [DOS]'
  whoknocks explain -f router.log | less`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 1) == (file != "") {
				return run.Usage(fmt.Errorf("explain takes one LINE or -f FILE"))
			}
			opts, err := read.options(a)
			if err != nil {
				return err
			}
			cfg, log, err := a.config(slog.LevelWarn)
			if err != nil {
				return err
			}
			withRules(rules)(&cfg)
			cfg.Enrich.WHOIS.Enabled = false
			known, err := enrich.New(cfg.Enrich, nil, log, nil)
			if err != nil {
				return err
			}
			x := explainer{ctx: cmd.Context(), out: a.out, known: known, opts: ingest.ExplainOptions{
				Sensor: cmp.Or(opts.Sensor, cfg.Ingest.Sensor), Format: cmp.Or(opts.Format, cfg.Ingest.Format), Formats: cfg.Ingest.Formats,
				Timezone: cmp.Or(opts.Timezone, cfg.Ingest.Timezone), Year: opts.Year,
			}}
			if file == "" {
				return x.explain(args[0])
			}
			return x.file(a.in, file)
		},
	}
	read.register(cmd)
	cmd.Flags().StringVarP(&file, "file", "f", "", "explain every line of this `file` (- is stdin)")
	cmd.Flags().StringArrayVar(&rules, "rules", nil, "`file` of owner rules that goes before those of the configuration (repeatable)")
	return cmd
}

type explainer struct {
	ctx   context.Context
	out   io.Writer
	known *enrich.Service
	opts  ingest.ExplainOptions
}

func (x explainer) file(stdin io.Reader, name string) error {
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		if info, err := f.Stat(); err == nil {
			x.opts.At = info.ModTime()
		}
		in = f
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxExplained)
	for n := 1; lines.Scan(); n++ {
		if n > 1 {
			_, _ = fmt.Fprintln(x.out)
		}
		if err := x.explain(lines.Text()); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return x.ctx.Err()
}

// explain prints what is made of one line. Lines and names are written by
// strangers: nothing goes to the terminal that is not printable.
func (x explainer) explain(line string) error {
	e, err := ingest.Explain(line, x.opts)
	if err != nil {
		return run.Usage(err)
	}
	w := tabwriter.NewWriter(x.out, 0, 8, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			_, _ = fmt.Fprintf(w, "%s\t%s\n", name, report.Printable(value))
		}
	}
	row("line", line)
	row("outcome", e.Outcome)
	row("why", e.Reason)
	row("format", e.Format)
	row("host", e.Host)
	row("facility", e.Level)
	row("tag", e.Tag)
	row("payload", e.Payload)
	row("time written", e.Written)
	row("time of relay", e.Relayed)
	row("time repair", e.TimeRepair)
	if e.Outcome != ingest.OutcomeEvent {
		return w.Flush()
	}
	full := scan.Enriched{Event: e.Event, Facts: x.known.Explain(x.ctx, &e.Event)}
	if err := fields(full.AppendJSON(nil), row); err != nil {
		return err
	}
	switch {
	case !e.Event.Knock():
		row("row", "none: owners and sources count what came in from a public address, this is "+string(e.Event.Direction))
	default:
		row("row", strings.Join([]string{e.Event.SrcIP.String(), cmp.Or(full.Country, report.NoOwner), cmp.Or(full.Owner, report.NoOwner), fmt.Sprint(e.Event.Packets)}, " | ")+
			" in "+e.Event.Time.Format("January 2006"))
	}
	return w.Flush()
}

// fields calls row for each field of an encoded event, in its order.
func fields(event []byte, row func(name, value string)) error {
	dec := json.NewDecoder(bytes.NewReader(event))
	dec.UseNumber()
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return err
		}
		value, err := dec.Token()
		if err != nil {
			return err
		}
		switch name := fmt.Sprint(key); name {
		case "v", "line", "origin", "received", "format":
		default:
			row(name, fmt.Sprint(value))
		}
	}
	return nil
}
