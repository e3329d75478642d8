package report

import (
	"bytes"
	"embed"
	"fmt"
	"hash/fnv"
	"html/template"
	"io/fs"
	"net/http"
	"strings"
)

//go:embed web
var webFiles embed.FS

// web is the look of the page: one template for each kind of page, and the
// style sheet with the tag that tells browsers whether theirs is current.
type web struct {
	pages map[string]*template.Template
	style []byte
	tag   string
}

func loadWeb() (web, error) {
	w := web{pages: map[string]*template.Template{}}
	names, err := fs.Glob(webFiles, "web/*.html")
	if err != nil {
		return w, err
	}
	for _, name := range names {
		name = strings.TrimPrefix(name, "web/")
		if name == "layout.html" {
			continue
		}
		t, err := template.New("layout.html").Funcs(viewFuncs).ParseFS(webFiles, "web/layout.html", "web/"+name)
		if err != nil {
			return w, fmt.Errorf("parse page: %w", err)
		}
		w.pages[name] = t
	}
	if w.style, err = webFiles.ReadFile("web/style.css"); err != nil {
		return w, err
	}
	sum := fnv.New64a()
	_, _ = sum.Write(w.style)
	w.tag = fmt.Sprintf(`"%x"`, sum.Sum64())
	return w, nil
}

// render answers with a page. It is made whole before the first byte is sent,
// so that a page is never half there under status 200.
func (s *site) render(w http.ResponseWriter, r *http.Request, status int, name string, view any) {
	var body bytes.Buffer
	if err := s.web.pages[name].Execute(&body, view); err != nil {
		s.logged(r, fmt.Errorf("render %s: %w", name, err))
		http.Error(w, "The page could not be made; the log of the report says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes())
}

// fail answers with a sentence for the user.
func (s *site) fail(w http.ResponseWriter, r *http.Request, status int, sentence string) {
	title := http.StatusText(status)
	if title == "" {
		title = "Given up"
	}
	s.render(w, r, status, "error.html", errorView{frame: frame{Title: title}, Sentence: sentence})
}

func (s *site) style(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache") // keep it, but ask whether it is current
	w.Header().Set("ETag", s.web.tag)
	if r.Header.Get("If-None-Match") == s.web.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(s.web.style)
}
