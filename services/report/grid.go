package report

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// maxCell is the most characters of a cell in tables for people. Registrants
// are as long as they like.
const maxCell = 60

// grid is a table of texts on its way to a reader.
type grid struct {
	titles []string // column heads for people
	keys   []string // column heads for programs, who may have more columns
	right  []int    // columns that hold numbers
	ours   []int    // columns that hold nothing a stranger wrote, but numbers, times and addresses
	rows   [][]string
	total  []string
	notes  []string // said below the table, to people
}

// remark notes what the table leaves out and what is uncertain in it.
func (g *grid) remark(rows int, matching, late uint64) {
	if uint64(rows) < matching {
		g.notes = append(g.notes, fmt.Sprintf("%d of %d rows are shown; the total counts all of them.", rows, matching))
	}
	if late > 0 {
		g.notes = append(g.notes, fmt.Sprintf("Of %s the owner was learnt more than %d days later, and may have been another then: rows with an asterisk.",
			Plural(late, "attempt"), LateDays))
	}
}

func (g grid) write(w io.Writer, format Format) error {
	var out string
	switch format {
	case FormatCSV:
		out = g.csv()
	case FormatMarkdown:
		out = g.markdown()
	default:
		out = g.terminal()
	}
	_, err := io.WriteString(w, out)
	return err
}

// terminal draws the table with go-pretty, which knows how wide characters are.
func (g grid) terminal() string {
	t := g.table(g.titles, forPeople)
	style := table.StyleLight
	style.Format.Header, style.Format.Footer = text.FormatDefault, text.FormatDefault
	style.Options.DrawBorder = false
	style.Options.SeparateColumns = false
	t.SetStyle(style)
	lines := strings.Split(t.Render(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n") + "\n" + g.below("\n")
}

// csv follows RFC 4180 but for the line ends, which are those of Unix.
func (g grid) csv() string {
	return g.table(g.keys, forSheets).RenderCSV() + "\n"
}

func (g grid) markdown() string {
	t := g.table(g.titles, forMarkdown)
	t.Style().Markdown.PadContent = true // so that it reads well as it is
	return t.RenderMarkdown() + "\n" + g.below("\n")
}

func (g grid) below(gap string) string {
	if len(g.notes) == 0 {
		return ""
	}
	return gap + strings.Join(g.notes, "\n"+gap) + "\n"
}

// cells takes texts as they are.
func cells(texts []string) table.Row {
	row := make(table.Row, len(texts))
	for i, s := range texts {
		row[i] = s
	}
	return row
}

// table hands the cells to go-pretty, those of the rows through escape.
func (g grid) table(head []string, escape func(s string, ours bool) string) table.Writer {
	t := table.NewWriter()
	t.AppendHeader(cells(head))
	for _, texts := range g.rows {
		texts = texts[:len(head)]
		row := cells(texts)
		for i, s := range texts {
			row[i] = escape(s, slices.Contains(g.ours, i))
		}
		t.AppendRow(row)
	}
	t.AppendFooter(cells(g.total[:len(head)]))
	var columns []table.ColumnConfig
	for _, i := range g.right {
		columns = append(columns, table.ColumnConfig{
			Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight, AlignFooter: text.AlignRight,
		})
	}
	t.SetColumnConfigs(columns)
	return t
}

// forPeople makes a cell of a table that is looked at.
func forPeople(s string, _ bool) string {
	s = cut(Printable(s), maxCell)
	if s == "" {
		return NoOwner
	}
	return s
}

// formula is where a spreadsheet would begin to calculate: at =, +, -, @ (or
// their wide forms) in front of a cell, or behind what another locale takes for
// the end of one.
var formula = regexp.MustCompile("(^|[;|,])([\\s\"']*)([=+\\-@＝＋－＠])")

// forSheets makes a cell of CSV. A name such as =HYPERLINK("http…") gets an
// apostrophe, which spreadsheets take for "this is text": names are written by
// strangers and sheets calculate whatever they open. (go-pretty's own
// FieldProtection looks at the first character only.)
func forSheets(s string, _ bool) string {
	return formula.ReplaceAllString(Printable(s), "$1$2'$3")
}

// markup is all ASCII punctuation that means anything in GitHub's Markdown. The
// bar is left to go-pretty.
var markup = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", `*`, `\*`, `_`, `\_`, `{`, `\{`, `}`, `\}`, `[`, `\[`, `]`, `\]`,
	`(`, `\(`, `)`, `\)`, `<`, `&lt;`, `>`, `&gt;`, `&`, `&amp;`, `#`, `\#`, `!`, `\!`, `~`, `\~`,
	`:`, `\:`, `@`, `\@`, `$`, `\$`, `"`, `&quot;`, `www.`, `www\.`, `WWW.`, `WWW\.`,
)

// forMarkdown makes a cell of a Markdown table in which no name becomes markup,
// HTML, a link or a mention.
func forMarkdown(s string, ours bool) string {
	s = forPeople(s, ours)
	if ours {
		return s
	}
	return markup.Replace(s)
}
