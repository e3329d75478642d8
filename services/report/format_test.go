package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
)

// write returns a table as text.
func write(t *testing.T, f Format, table func(*bytes.Buffer, Format) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := table(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func ownersAs(t *testing.T, f Format) string {
	t.Helper()
	return write(t, f, func(b *bytes.Buffer, f Format) error { return sampleOwners().Write(b, f) })
}

func sourcesAs(t *testing.T, f Format) string {
	t.Helper()
	return write(t, f, func(b *bytes.Buffer, f Format) error { return sampleSources().Write(b, f) })
}

func TestWrite(t *testing.T) {
	f := func(format Format, suffix string) {
		t.Helper()
		golden(t, "owners."+suffix, ownersAs(t, format))
		golden(t, "sources."+suffix, sourcesAs(t, format))
	}
	f(FormatTable, "txt")
	f(FormatCSV, "csv")
	f(FormatJSON, "json")
	f(FormatMarkdown, "md")
}

// No format lets through what a terminal obeys.
func TestWriteIsPlainText(t *testing.T) {
	for _, format := range []Format{FormatTable, FormatCSV, FormatJSON, FormatMarkdown} {
		for _, got := range []string{ownersAs(t, format), sourcesAs(t, format)} {
			for _, r := range got {
				if r != '\n' && !harmless(r) {
					t.Errorf("%s holds %q:\n%s", format, r, got)
				}
			}
		}
	}
}

func TestWriteCSV(t *testing.T) {
	for _, got := range []string{ownersAs(t, FormatCSV), sourcesAs(t, FormatCSV)} {
		records, err := csv.NewReader(strings.NewReader(got)).ReadAll()
		if err != nil {
			t.Fatalf("%v in:\n%s", err, got)
		}
		if last := records[len(records)-1]; last[0] != "Total" {
			t.Errorf("last record is %q, want the total", last)
		}
		// Nothing calculates, wherever a sheet of any locale would cut the cells.
		danger := regexp.MustCompile(`^[\s"]*[=+\-@]`)
		for _, record := range records {
			for _, cell := range record {
				for _, part := range strings.FieldsFunc(cell, func(r rune) bool { return strings.ContainsRune(";|,", r) }) {
					if danger.MatchString(part) {
						t.Errorf("cell %q would be calculated", cell)
					}
				}
			}
		}
	}
}

func TestForSheets(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := forSheets(in, false); got != want {
			t.Errorf("forSheets(%q) = %q, want %q", in, got, want)
		}
	}
	f("Akamai", "Akamai")
	f("AS-PATH + more = 1", "AS-PATH + more = 1")
	f("=1+1", "'=1+1")
	f("@SUM(A1)", "'@SUM(A1)")
	f("-2", "'-2")
	f("+49", "'+49")
	f("\t=1", "'=1")
	f("＝1", "'＝1")
	f(`x;=1`, `x;'=1`)
	f(`x";"=1`, `x";"'=1`)
	f("a, -b", "a, '-b")
}

func TestWriteJSON(t *testing.T) {
	var owners struct {
		Owners []struct {
			Owner  *string
			Causes map[string]uint64
		}
		Total struct {
			Attempts, Sources, Networks, Owners uint64
			Limited                             bool
		}
	}
	if err := json.Unmarshal([]byte(ownersAs(t, FormatJSON)), &owners); err != nil {
		t.Fatal(err)
	}
	if n := len(owners.Owners); n != len(sampleOwners().Rows) || owners.Total.Limited {
		t.Errorf("%d owners, limited %v", n, owners.Total.Limited)
	}
	if owners.Owners[1].Owner != nil {
		t.Errorf("an owner that is not known is %q, want null", *owners.Owners[1].Owner)
	}
	// JSON is for programs: names come back whole.
	for i, want := range evil {
		if want = strings.ToValidUTF8(want, "\ufffd"); *owners.Owners[i+2].Owner != want {
			t.Errorf("owner %q, want %q", *owners.Owners[i+2].Owner, want)
		}
	}
	var sources struct {
		Sources []struct {
			Address string
			Country *string
		}
		Total struct {
			Sources uint64
			Limited bool
		}
	}
	if err := json.Unmarshal([]byte(sourcesAs(t, FormatJSON)), &sources); err != nil {
		t.Fatal(err)
	}
	if !sources.Total.Limited || sources.Total.Sources != 2000 || sources.Sources[2].Country != nil {
		t.Errorf("sources = %+v", sources)
	}
}

// A hostile name in Markdown comes out of a renderer as the text it is.
func TestWriteMarkdown(t *testing.T) {
	source := []byte(ownersAs(t, FormatMarkdown))
	tree := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))
	columns := 0
	_ = ast.Walk(tree, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n.Kind() {
		case ast.KindLink, ast.KindAutoLink, ast.KindImage, ast.KindRawHTML, ast.KindHTMLBlock,
			ast.KindCodeSpan, ast.KindEmphasis, ast.KindHeading, ast.KindList, extast.KindStrikethrough:
			t.Errorf("a name became %v:\n%s", n.Kind(), source)
		case extast.KindTableHeader:
			columns = n.ChildCount()
		case extast.KindTableRow:
			if n.ChildCount() != columns {
				t.Errorf("a row has %d cells, want %d", n.ChildCount(), columns)
			}
		}
		return ast.WalkContinue, nil
	})
	if columns != 8 {
		t.Errorf("the table has %d columns, want 8", columns)
	}
}

func TestParseFormat(t *testing.T) {
	for _, want := range []Format{FormatTable, FormatCSV, FormatJSON, FormatMarkdown} {
		if got, err := ParseFormat(string(want)); got != want || err != nil {
			t.Errorf("ParseFormat(%q) = %q, %v", want, got, err)
		}
	}
	for _, bad := range []string{"", "xml", "CSV"} {
		if _, err := ParseFormat(bad); err == nil {
			t.Errorf("ParseFormat(%q) is accepted", bad)
		}
	}
}
