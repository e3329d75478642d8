package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Format is how a table is written.
type Format string

// The formats. Table and Markdown are for people: absent values are "-", very
// long names are cut. CSV and JSON are for programs: names are whole.
const (
	FormatTable    Format = "table"    // for a terminal
	FormatCSV      Format = "csv"      // the last row is the total
	FormatJSON     Format = "json"     // one object with the rows and the total
	FormatMarkdown Format = "markdown" // a GitHub table
)

// ParseFormat checks the name of a format.
func ParseFormat(text string) (Format, error) {
	switch f := Format(text); f {
	case FormatTable, FormatCSV, FormatJSON, FormatMarkdown:
		return f, nil
	}
	return "", fmt.Errorf("format %q: want table, csv, json or markdown", cut(text, 40))
}

// Write writes the table of owners. Nothing a stranger wrote is more than text
// in it, see Printable and the formats' own escapes.
func (t Owners) Write(w io.Writer, format Format) error {
	if format == FormatJSON {
		return t.writeJSON(w)
	}
	g := grid{
		titles: []string{"Owner", "Attempts", "Sources", "Networks", "Countries", "Causes", "First seen (UTC)", "Last seen (UTC)"},
		keys:   []string{"owner", "attempts", "sources", "networks", "countries", "causes", "first_seen", "last_seen", "owner_as_of", "learnt_late"},
		right:  []int{1, 2, 3},
		ours:   []int{1, 2, 3, 6, 7, 8, 9},
		total: []string{
			"Total", count(t.Total.Attempts), count(t.Total.Sources), count(t.Total.Networks), "", "",
			format.moment(t.Total.FirstSeen), format.moment(t.Total.LastSeen), "", count(t.Total.Late),
		},
	}
	for _, r := range t.Rows {
		g.rows = append(g.rows, []string{
			format.owner(r.Owner, r.Late), count(r.Attempts), count(r.Sources), count(r.Networks),
			names(r.Countries), names(r.Causes), format.moment(r.FirstSeen), format.moment(r.LastSeen),
			format.moment(r.OwnerAsOf), count(r.Late),
		})
	}
	g.remark(len(t.Rows), t.matching, t.Total.Late)
	return g.write(w, format)
}

// Write writes the table of sources, the founding table: address, country,
// owner, attempts, and the total. Nothing a stranger wrote is more than text in
// it, see Printable and the formats' own escapes.
func (t Sources) Write(w io.Writer, format Format) error {
	if format == FormatJSON {
		return t.writeJSON(w)
	}
	g := grid{
		titles: []string{"Address", "Country", "Owner", "Attempts", "First seen (UTC)", "Last seen (UTC)"},
		keys:   []string{"address", "country", "owner", "attempts", "first_seen", "last_seen", "owner_as_of", "learnt_late"},
		right:  []int{3},
		ours:   []int{0, 3, 4, 5, 6, 7},
		total: []string{
			"Total", "", Plural(t.Total.Sources, "source"), count(t.Total.Attempts),
			format.moment(t.Total.FirstSeen), format.moment(t.Total.LastSeen), "", count(t.Total.Late),
		},
	}
	for _, r := range t.Rows {
		g.rows = append(g.rows, []string{
			r.Address, r.Country, format.owner(r.Owner, r.Late), count(r.Attempts), format.moment(r.FirstSeen), format.moment(r.LastSeen),
			format.moment(r.OwnerAsOf), count(r.Late),
		})
	}
	if t.now {
		g.notes = append(g.notes, "Owners are those of today, not of the time of the attempts.")
	}
	g.remark(len(t.Rows), t.matching, t.Total.Late)
	return g.write(w, format)
}

// lateMark stands behind an owner who was learnt long after the attempts.
const lateMark = " *"

// owner marks, for people, an owner who was learnt late.
func (f Format) owner(name string, late uint64) string {
	if late > 0 && name != "" && (f == FormatTable || f == FormatMarkdown) {
		return cut(name, maxCell-len(lateMark)) + lateMark
	}
	return name
}

// moment writes a time: as in the events for programs, to the second for people.
func (f Format) moment(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case f == FormatCSV, f == FormatJSON:
		return t.UTC().Format("2006-01-02T15:04:05.000Z")
	default:
		return t.UTC().Format(time.DateTime)
	}
}

func count(n uint64) string { return strconv.FormatUint(n, 10) }

// Plural writes "1 source" and "11 sources".
func Plural[N int | int64 | uint64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(uint64(n)) + " " + noun + "s"
}

// names lists shares without their numbers, largest first. Codes of countries
// and words for causes hold no space.
func names(list []Share) string {
	var b strings.Builder
	for i, s := range list {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(s.Name)
	}
	return b.String()
}
