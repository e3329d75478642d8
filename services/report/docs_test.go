package report

import (
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func TestDocs(t *testing.T) {
	s, _ := newTestSite(t, DefaultConfig(), fakeTables())
	index := body(t, get(t, s, "/docs/"))
	harmlessPage(t, index)
	if len(s.docs) < 4 {
		t.Errorf("there are %d documents", len(s.docs))
	}
	for _, d := range s.docs {
		if d.Title == "" || d.Lead == "" {
			t.Errorf("%s has no title or no first paragraph", d.Name)
		}
		if !strings.Contains(index, `href="/docs/`+d.Name+`"`) {
			t.Errorf("%s is not in the index", d.Name)
		}
		r := get(t, s, "/docs/"+d.Name)
		if r.StatusCode != http.StatusOK {
			t.Errorf("GET /docs/%s = %d", d.Name, r.StatusCode)
		}
		tree, err := html.Parse(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		headings := 0
		for n := range tree.Descendants() {
			if n.Type == html.ElementNode && n.Data == "h1" {
				headings++
			}
			for _, a := range n.Attr {
				if a.Key == "style" {
					t.Errorf("%s has a style attribute, which its own policy stops", d.Name)
				}
				if a.Key != "href" || strings.Contains(a.Val, "://") {
					continue
				}
				target, heading, _ := strings.Cut(a.Val, "#") // browsers ask for what is before it
				if target == "" {
					target = d.Name
				}
				// links between documents are relative, so that they work in the repository, too
				if !strings.HasPrefix(target, "/") {
					target = path.Join("/docs", target)
				}
				r := get(t, s, target)
				if r.StatusCode != http.StatusOK && r.StatusCode != http.StatusTemporaryRedirect {
					t.Errorf("%s links to %s: %d", d.Name, a.Val, r.StatusCode)
				}
				if heading != "" && !strings.Contains(body(t, r), `id="`+heading+`"`) {
					t.Errorf("%s links to %s: there is no such heading", d.Name, a.Val)
				}
			}
		}
		if headings != 1 {
			t.Errorf("%s has %d first headings", d.Name, headings)
		}
	}
}

// fences returns the code blocks of a document in one language.
func fences(t *testing.T, name, language string) []string {
	t.Helper()
	source, err := docFiles.ReadFile("docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(string(source), -1) {
		blocks = append(blocks, m[1])
	}
	return blocks
}

// The program that the documentation shows is one that compiles.
func TestDocProgram(t *testing.T) {
	programs := fences(t, "40-subscribe.md", "go")
	if len(programs) != 1 {
		t.Fatalf("%d programs, want 1", len(programs))
	}
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(programs[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "go", "vet", file).CombinedOutput()
	if err != nil {
		t.Errorf("go vet: %v\n%s", err, out)
	}
	if out, err := exec.CommandContext(t.Context(), "gofmt", "-l", file).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("the program is not as gofmt would write it: %s%v", out, err)
	}
}
