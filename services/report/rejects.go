package report

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

//go:embed queries/rejects.sql
var rejectsSQL string

// MaxSamples is the most sample lines of a group.
const MaxSamples = 100

// RejectFilter says which lines that became no event are shown. The zero value
// is all of them, without samples.
type RejectFilter struct {
	Kind         scan.RejectKind // only this kind
	Sensor       string          // only this sensor
	LogFormat    string          // only lines that this format has claimed
	Since, Until time.Time       // when the line was received; as in Filter
	Limit        int             // most groups; 0 is MaxRows
	Samples      int             // lines shown of each group, 0 to MaxSamples
}

// Validate reports what no query could answer.
func (f RejectFilter) Validate() error {
	switch f.Kind {
	case "", scan.KindRejected, scan.KindUnrecognised, scan.KindGap:
	default:
		return fmt.Errorf("kind %q: want rejected, unrecognised or gap", cut(string(f.Kind), 40))
	}
	if f.Samples < 0 || f.Samples > MaxSamples {
		return fmt.Errorf("samples %d: want 0 to %d", f.Samples, MaxSamples)
	}
	return Filter{Since: f.Since, Until: f.Until, Limit: f.Limit}.Validate()
}

// RejectRow is lines that became no event for the same reason.
type RejectRow struct {
	Kind    scan.RejectKind
	Stage   string // service that gave the line up
	Format  string // that claimed it, or empty
	Reason  string // quotes and numbers folded
	Lines   uint64
	Packets uint64    // of gaps: those that were not logged
	Last    time.Time // when the latest was received
	Samples []RejectSample
}

// RejectSample is one of the lines, as it was read: a stranger wrote it.
type RejectSample struct{ Line, Origin string }

// Rejects is the table of lines that became no event.
type Rejects struct{ Rows []RejectRow }

// Rejects returns the lines that became no event, in groups, the largest first.
// Of lines that were not recognised only samples are kept: their numbers are
// those of the samples.
func (r *Reader) Rejects(ctx context.Context, f RejectFilter) (Rejects, error) {
	if err := f.Validate(); err != nil {
		return Rejects{}, err
	}
	var table Rejects
	args := []any{
		clickhouse.Named("kind", string(f.Kind)), clickhouse.Named("sensor", f.Sensor), clickhouse.Named("log_format", f.LogFormat),
		clickhouse.Named("since", moment(f.Since, earliest)), clickhouse.Named("until", moment(f.Until, latest)),
		clickhouse.Named("samples", uint64(f.Samples)), clickhouse.Named("rows", uint64(Filter{Limit: f.Limit}.limit())),
	}
	err := r.each(ctx, "rejects", rejectsSQL, args, func(rows driver.Rows) error {
		var (
			row      RejectRow
			kind     string
			last     *time.Time
			examples [][]any
		)
		if err := rows.Scan(&kind, &row.Stage, &row.Format, &row.Reason, &row.Lines, &row.Packets, &last, &examples); err != nil {
			return err
		}
		row.Kind = scan.RejectKind(kind)
		if last != nil {
			row.Last = last.UTC()
		}
		for _, e := range examples {
			line, _ := e[0].(string)
			origin, _ := e[1].(string)
			row.Samples = append(row.Samples, RejectSample{line, origin})
		}
		table.Rows = append(table.Rows, row)
		return nil
	})
	return table, err
}

// Write writes the table. Nothing a stranger wrote is more than text in it, see
// Printable and the formats' own escapes.
func (t Rejects) Write(w io.Writer, format Format) error {
	if format == FormatJSON {
		return t.writeJSON(w)
	}
	g := grid{
		titles: []string{"Kind", "Stage", "Format", "Reason", "Lines", "Packets", "Last received (UTC)", "Sample", "Origin"},
		keys:   []string{"kind", "stage", "format", "reason", "lines", "packets", "last_received", "sample", "origin"},
		right:  []int{4, 5},
		ours:   []int{0, 1, 2, 4, 5, 6},
		notes:  []string{"Of lines that no format recognises only samples are kept; an import's summary counts all of them."},
	}
	samples := slices.ContainsFunc(t.Rows, func(r RejectRow) bool { return len(r.Samples) > 0 })
	if !samples {
		g.titles, g.keys = g.titles[:7], g.keys[:7]
	}
	lines, packets := uint64(0), uint64(0)
	for _, r := range t.Rows {
		lines, packets = lines+r.Lines, packets+r.Packets
		row := []string{string(r.Kind), r.Stage, r.Format, r.Reason, count(r.Lines), missed(r), format.moment(r.Last)}
		if !samples {
			g.rows = append(g.rows, row)
			continue
		}
		for _, s := range r.Samples {
			g.rows = append(g.rows, append(slices.Clip(row), s.Line, s.Origin))
		}
	}
	g.total = []string{"Total", "", "", "", count(lines), "", ""}
	if packets > 0 {
		g.total[5] = count(packets)
	}
	if samples {
		g.total = append(g.total, "", "")
	}
	return g.write(w, format)
}

func missed(r RejectRow) string {
	if r.Kind != scan.KindGap {
		return ""
	}
	return count(r.Packets)
}

type rejectJSON struct {
	Kind    string             `json:"kind"`
	Stage   string             `json:"stage"`
	Format  *string            `json:"format"`
	Reason  string             `json:"reason"`
	Lines   uint64             `json:"lines"`
	Packets *uint64            `json:"packets,omitempty"`
	Last    *string            `json:"last_received"`
	Samples []rejectSampleJSON `json:"samples,omitempty"`
}

type rejectSampleJSON struct {
	Line   string `json:"line"`
	Origin string `json:"origin"`
}

func (t Rejects) writeJSON(w io.Writer) error {
	out := struct {
		Rejects []rejectJSON `json:"rejects"`
	}{make([]rejectJSON, len(t.Rows))}
	for i, r := range t.Rows {
		j := rejectJSON{
			Kind: string(r.Kind), Stage: r.Stage, Format: known(r.Format), Reason: r.Reason, Lines: r.Lines,
			Last: known(FormatJSON.moment(r.Last)),
		}
		if r.Kind == scan.KindGap {
			j.Packets = &r.Packets
		}
		for _, s := range r.Samples {
			j.Samples = append(j.Samples, rejectSampleJSON(s))
		}
		out.Rejects[i] = j
	}
	return encode(w, out)
}
