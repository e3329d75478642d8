package report

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"golang.org/x/net/html"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

// newTestSite returns a site over tables, whose clock stands still, and what it
// logs.
func newTestSite(t *testing.T, cfg Config, tables tables) (*site, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	m, err := newMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSite(cfg, tables, slog.New(slog.NewTextHandler(&log, nil)), m)
	if err != nil {
		t.Fatal(err)
	}
	s.now = func() time.Time { return time.Date(2012, 5, 1, 9, 30, 0, 0, time.UTC) }
	return s, &log
}

func get(t *testing.T, s *site, target string) *http.Response {
	t.Helper()
	return ask(s, httptest.NewRequest(http.MethodGet, "http://localhost:8080"+target, http.NoBody))
}

func ask(s *site, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	s.handler().ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func fakeTables() *fake {
	return &fake{
		months:  []time.Time{april.AddDate(0, 2, 0), april, april.AddDate(-1, 0, 0)},
		owners:  sampleOwners(),
		sources: sampleSources(),
	}
}

func TestPage(t *testing.T) {
	f := func(file, target string, tables *fake) {
		t.Helper()
		s, log := newTestSite(t, DefaultConfig(), tables)
		r := get(t, s, target)
		if r.StatusCode != http.StatusOK {
			t.Errorf("GET %s = %d\n%s", target, r.StatusCode, log)
		}
		page := body(t, r)
		golden(t, file, page)
		harmlessPage(t, page)
		for _, link := range regexp.MustCompile(`href="(/docs/[^"]*)"`).FindAllStringSubmatch(page, -1) {
			if r := get(t, s, link[1]); r.StatusCode != http.StatusOK {
				t.Errorf("%s links to %s, which is %d", file, link[1], r.StatusCode)
			}
		}
	}
	f("page.html", "/?month=2012-04", fakeTables())
	f("page-narrowed.html", "/?"+url.Values{"month": {"all"}, "owner": {evilScript}, "sensor": {evilBidi}}.Encode(), fakeTables())
	f("page-empty.html", "/", &fake{})
	f("page-quiet.html", "/?month=2012-05", &fake{months: []time.Time{april}})
}

// harmlessPage checks what the golden files cannot: that nothing on the page
// runs, loads or misleads, whatever names are on it.
func harmlessPage(t *testing.T, page string) {
	t.Helper()
	tree, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`^(/($|\?|#|docs/|style\.css$|(owners|sources)\.(csv|json)($|\?))|#|https://(db-ip\.com|creativecommons\.org/licenses/by/4\.0/)$)`)
	for n := range tree.Descendants() {
		if n.Type == html.TextNode && strings.ContainsFunc(n.Data, func(r rune) bool { return !harmless(r) && r != '\n' && r != '\u00a0' }) {
			t.Errorf("the page shows %q", n.Data)
		}
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "script", "img", "iframe", "object", "embed", "style", "base", "video", "audio":
			t.Errorf("the page has <%s>", n.Data)
		}
		for _, a := range n.Attr {
			switch {
			case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "srcdoc", a.Key == "src":
				t.Errorf("<%s> has %s=%q", n.Data, a.Key, a.Val)
			case a.Key == "href" && !link.MatchString(a.Val), a.Key == "action" && a.Val != "/":
				t.Errorf("<%s %s=%q> leads away", n.Data, a.Key, a.Val)
			}
		}
		if n.Data == "table" && find(n, "th") == nil {
			t.Error("a table has no heads")
		}
	}
	if find(tree, "h1") == nil || find(tree, "main") == nil {
		t.Error("the page has no h1 or main")
	}
}

func find(tree *html.Node, element string) *html.Node {
	for n := range tree.Descendants() {
		if n.Type == html.ElementNode && n.Data == element {
			return n
		}
	}
	return nil
}

// Without a month it is the newest; links of owners lead back to their rows.
func TestPageSelection(t *testing.T) {
	f := func(target string, since time.Time, want Filter) {
		t.Helper()
		tables := fakeTables()
		s, _ := newTestSite(t, DefaultConfig(), tables)
		if r := get(t, s, target); r.StatusCode != http.StatusOK || len(tables.asked) != 2 {
			t.Fatalf("GET %s = %d after %d queries", target, r.StatusCode, len(tables.asked))
		}
		want.Since = since
		if !since.IsZero() {
			want.Until = since.AddDate(0, 1, 0)
		}
		want.Limit = s.cfg.OwnerRows
		if tables.asked[0] != want {
			t.Errorf("GET %s asks for %+v, want %+v", target, tables.asked[0], want)
		}
	}
	f("/", april.AddDate(0, 2, 0), Filter{})
	f("/?month=2012-04", april, Filter{})
	f("/?month=all&owner=-", time.Time{}, Filter{Owner: NoOwner})
	f("/?month=all&sensor=a&proto=udp&cause=scan", time.Time{}, Filter{Sensor: "a", Proto: "udp", Cause: "scan"})

	s, _ := newTestSite(t, DefaultConfig(), fakeTables())
	tree, err := html.Parse(get(t, s, "/?month=2012-04").Body)
	if err != nil {
		t.Fatal(err)
	}
	owners := map[string]bool{}
	for n := range tree.Descendants() {
		for _, a := range n.Attr {
			if u, err := url.Parse(a.Val); a.Key == "href" && err == nil && u.Query().Has("owner") {
				owners[u.Query().Get("owner")] = true
				if u.Query().Get("month") != "2012-04" {
					t.Errorf("link %q leaves the month", a.Val)
				}
			}
		}
	}
	for _, name := range append([]string{"Akamai", NoOwner}, evil...) {
		if !owners[name] {
			t.Errorf("no link narrows to %q; there are %v", name, owners)
		}
	}
}

func TestHeaders(t *testing.T) {
	s, _ := newTestSite(t, DefaultConfig(), fakeTables())
	for _, target := range []string{"/", "/docs/", "/style.css", "/nowhere", "/owners.csv", "/sources.json"} {
		r := get(t, s, target)
		for name, want := range map[string]string{
			"Content-Security-Policy": contentPolicy,
			"X-Content-Type-Options":  "nosniff",
			"Referrer-Policy":         "no-referrer",
			"X-Frame-Options":         "DENY",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("GET %s: %s = %q, want %q", target, name, got, want)
			}
		}
		if r.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("GET %s may be read by other sites", target)
		}
	}
}

func TestHosts(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Listen = "192.0.2.5:8080"
	cfg.Hosts = []string{"Knocks.example"}
	s, _ := newTestSite(t, cfg, fakeTables())
	f := func(host string, want int) {
		t.Helper()
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Host = host
		if got := ask(s, r).StatusCode; got != want {
			t.Errorf("Host: %q = %d, want %d", host, got, want)
		}
	}
	const refused = http.StatusMisdirectedRequest
	f("localhost", http.StatusOK)
	f("LOCALHOST:8080", http.StatusOK)
	f("localhost.:8080", http.StatusOK)
	f("127.0.0.1:8080", http.StatusOK)
	f("127.8.9.1", http.StatusOK)
	f("[::1]:8080", http.StatusOK)
	f("[::1]", http.StatusOK)
	f("192.0.2.5:8080", http.StatusOK)
	f("knocks.example:443", http.StatusOK)
	f("", refused)
	f("attacker.example", refused)
	f("attacker.example:8080", refused)
	f("localhost.attacker.example:8080", refused)
	f("127.0.0.1.attacker.example", refused)
	f("localhost:8080:8080", refused)
	f("localhost:x", refused)
	f("192.0.2.6:8080", refused)
	f("127.0.0.1@attacker.example", refused)
	if got := testutil.ToFloat64(s.metrics.refused); got != 9 {
		t.Errorf("%v refused hosts are counted, want 9", got)
	}
}

// A failure says a sentence to the user and its causes to the log, never the
// other way round.
func TestFailures(t *testing.T) {
	f := func(target string, err error, status int, says, logs string) {
		t.Helper()
		tables := fakeTables()
		tables.err = err
		s, log := newTestSite(t, DefaultConfig(), tables)
		r := get(t, s, target)
		page := body(t, r)
		if r.StatusCode != status || !strings.Contains(page, says) {
			t.Errorf("GET %s = %d, want %d and %q in:\n%s", target, r.StatusCode, status, says, page)
		}
		if logs == "" && log.Len() > 0 || !strings.Contains(log.String(), logs) {
			t.Errorf("GET %s logs %q, want %q", target, log, logs)
		}
		if err != nil && strings.Contains(page, err.Error()) {
			t.Errorf("GET %s shows the error itself:\n%s", target, page)
		}
		harmlessPage(t, page)
	}
	f("/", errFake, 503, "The database does not answer just now.", "memory limit exceeded")
	f("/sources.csv", errFake, 503, "The database does not answer just now.", "memory limit exceeded")
	f("/", context.DeadlineExceeded, 503, "takes longer than usual", "deadline exceeded")
	f("/?month=April", nil, 400, "The month must be written as YYYY-MM", "")
	f("/?month=%3Cscript%3E", nil, 400, "The month must be written as YYYY-MM", "")
	f("/owners.json?month=0", nil, 400, "The month must be written as YYYY-MM", "")
	f("/nowhere", nil, 404, "There is no such page here.", "")
	f("/docs/nowhere.md", nil, 404, "There is no such page here.", "")
	f("/docs/..%2freport.go", nil, 404, "There is no such page here.", "")

	s, _ := newTestSite(t, DefaultConfig(), fakeTables())
	r := ask(s, httptest.NewRequest(http.MethodPost, "http://localhost/", http.NoBody))
	if r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Allow") == "" {
		t.Errorf("POST = %d, want 405 and what is allowed", r.StatusCode)
	}
}

func TestDownloads(t *testing.T) {
	f := func(target, kind, disposition, begins string) {
		t.Helper()
		s, _ := newTestSite(t, DefaultConfig(), fakeTables())
		r := get(t, s, target)
		if got := r.Header.Get("Content-Type"); got != kind {
			t.Errorf("GET %s is %q, want %q", target, got, kind)
		}
		if got := r.Header.Get("Content-Disposition"); got != disposition {
			t.Errorf("GET %s is kept as %q, want %q", target, got, disposition)
		}
		if got := body(t, r); !strings.HasPrefix(got, begins) {
			t.Errorf("GET %s = %q…, want %q…", target, cut(got, 60), begins)
		}
	}
	f("/owners.csv?month=2012-04", "text/csv; charset=utf-8", `attachment; filename="owners-2012-04.csv"`, "owner,attempts")
	f("/sources.csv", "text/csv; charset=utf-8", `attachment; filename="sources-2012-06.csv"`, "address,country")
	f("/owners.json?month=all", "application/json", "", "{\n  \"owners\"")
	f("/sources.json", "application/json", "", "{\n  \"sources\"")
}

// One page asks at a time here; the second gives up when its time is over.
func TestTurns(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Queries, cfg.QueryTimeout = 1, 30*time.Millisecond
	s, _ := newTestSite(t, cfg, fakeTables())
	s.turn <- struct{}{}
	if r := get(t, s, "/"); r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("GET / = %d while another page asks, want 503", r.StatusCode)
	}
	<-s.turn
	if r := get(t, s, "/"); r.StatusCode != http.StatusOK {
		t.Errorf("GET / = %d afterwards, want 200", r.StatusCode)
	}
}

func TestStyle(t *testing.T) {
	s, _ := newTestSite(t, DefaultConfig(), fakeTables())
	r := get(t, s, "/style.css")
	if kind := r.Header.Get("Content-Type"); kind != "text/css; charset=utf-8" || !strings.Contains(body(t, r), "prefers-color-scheme: dark") {
		t.Errorf("GET /style.css is %q", kind)
	}
	again := httptest.NewRequest(http.MethodGet, "http://localhost/style.css", http.NoBody)
	again.Header.Set("If-None-Match", r.Header.Get("ETag"))
	if r := ask(s, again); r.StatusCode != http.StatusNotModified {
		t.Errorf("GET /style.css again = %d, want 304", r.StatusCode)
	}
}

// The page over the engine itself: what was stored is shown, the newest month
// first, and a database that is gone is a sentence.
func TestPageOnTheEngine(t *testing.T) {
	db, readOnly := openDB(t)
	insert(t, db, founding(t)...)
	insert(t, db, event(1, func(e *scan.Enriched) { e.Owner, e.Time = evilScript, april.AddDate(0, 2, 0) }))
	s, log := newTestSite(t, DefaultConfig(), NewReader(readOnly.Conn()))
	f := func(target string, want ...string) {
		t.Helper()
		r := get(t, s, target)
		page := body(t, r)
		if r.StatusCode != http.StatusOK {
			t.Errorf("GET %s = %d: %s", target, r.StatusCode, log)
		}
		for _, text := range want {
			if !strings.Contains(page, text) {
				t.Errorf("GET %s shows no %q:\n%s", target, text, page)
			}
		}
		if r.Header.Get("Content-Type") == "text/html; charset=utf-8" {
			harmlessPage(t, page)
		}
	}
	f("/", "in June 2012", "&lt;script&gt;alert(1)", `rel="prev"`)
	f("/?month=2012-04", "in April 2012", ">209.107.220.17<", ">100<", "11 sources", "12 Apr 2012 13:12", `rel="next"`)
	f("/?month=all&owner=akamai", "11 sources")
	f("/?month=2012-04&owner=nobody", "No attempt from outside matches in April 2012.")
	f("/sources.csv?month=2012-04", "209.107.220.17,US,Akamai,16,", "\nTotal,,11 sources,100,")
	f("/owners.json?month=all&owner="+url.QueryEscape(evilScript), `"attempts": 1`)

	if err := readOnly.Close(); err != nil {
		t.Fatal(err)
	}
	r := get(t, s, "/")
	if page := body(t, r); r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(page, "The database does not answer just now.") {
		t.Errorf("without a database GET / = %d\n%s", r.StatusCode, page)
	}
	if !strings.Contains(log.String(), "connection is closed") {
		t.Errorf("the log does not say what failed: %q", log)
	}
}
