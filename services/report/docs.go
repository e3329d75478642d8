package report

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

//go:embed docs/*.md
var docFiles embed.FS

// doc is one document, rendered. Its name is that of its file, so that links
// from one document to another work here and where the sources are read.
type doc struct {
	Name  string // 10-getting-started.md
	Title string // text of the first heading
	Lead  string // text of the first paragraph
	Body  template.HTML
}

// docView is docs.html's: one document, or the index.
type docView struct {
	frame
	Docs []doc
	Open *doc
}

// loadDocs renders the documents in the order of their numbers. goldmark leaves
// out raw HTML and dangerous links unless told otherwise, which is why its
// output may go into a page as it is.
func loadDocs() ([]doc, error) {
	markdown := goldmark.New(
		goldmark.WithExtensions(extension.NewTable(
			// style attributes would be stopped by the page's own policy
			extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute),
		)),
		goldmark.WithParserOptions(parser.WithAutoHeadingID()),
	)
	names, err := fs.Glob(docFiles, "docs/*.md")
	if err != nil {
		return nil, err
	}
	docs := make([]doc, 0, len(names))
	for _, name := range names {
		source, err := docFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		tree := markdown.Parser().Parse(text.NewReader(source))
		var body bytes.Buffer
		if err := markdown.Renderer().Render(&body, source, tree); err != nil {
			return nil, fmt.Errorf("render %s: %w", name, err)
		}
		d := doc{Name: path.Base(name), Body: template.HTML(body.String())} //nolint:gosec // G203: our own documents, raw HTML left out
		for node := tree.FirstChild(); node != nil && d.Lead == ""; node = node.NextSibling() {
			switch node.Kind() {
			case ast.KindHeading:
				if d.Title == "" {
					d.Title = plain(node, source)
				}
			case ast.KindParagraph:
				d.Lead = plain(node, source)
			}
		}
		docs = append(docs, d)
	}
	return docs, nil
}

// plain is the text of a node without its markup.
func plain(node ast.Node, source []byte) string {
	var b bytes.Buffer
	_ = ast.Walk(node, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && entering {
			b.Write(t.Segment.Value(source))
			if t.SoftLineBreak() {
				b.WriteByte(' ')
			}
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

func (s *site) docsIndex(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "docs.html", docView{
		frame: frame{Title: "Documentation", Room: "docs"}, Docs: s.docs,
	})
}

func (s *site) doc(w http.ResponseWriter, r *http.Request) {
	for i, d := range s.docs {
		if d.Name == r.PathValue("name") {
			s.render(w, r, http.StatusOK, "docs.html", docView{
				frame: frame{Title: d.Title, Room: "docs"}, Docs: s.docs, Open: &s.docs[i],
			})
			return
		}
	}
	s.notFound(w, r)
}
