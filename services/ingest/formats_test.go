package ingest

import (
	"fmt"
	"html"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whoknocks/whoknocks/services/ingest/internal/format"
)

// The page of formats has a row for each of them, with its own words.
func TestFormatsPage(t *testing.T) {
	docs := filepath.Join("..", "report", "docs")
	page, err := os.ReadFile(filepath.Join(docs, "50-formats.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Count(string(page), "\n| `")
	for _, f := range format.All() {
		text := func(s string) string {
			return strings.NewReplacer("&#34;", `"`, "&amp;", "&").Replace(html.EscapeString(s))
		}
		row := fmt.Sprintf("\n| %#q | %s | %s | [", f.Name, text(f.Devices), text(f.Mark))
		_, link, ok := strings.Cut(string(page), row)
		if !ok {
			t.Errorf("50-formats.md lacks the row%s", row)
			continue
		}
		link, _, _ = strings.Cut(link, ")")
		_, link, _ = strings.Cut(link, "(")
		if _, err := os.Stat(filepath.Join(docs, link)); err != nil {
			t.Errorf("the page of %s: %v", f.Name, err)
		}
	}
	if n := len(format.All()); rows != n {
		t.Errorf("50-formats.md has %d rows, want %d", rows, n)
	}
}
