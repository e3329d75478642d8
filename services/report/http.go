package report

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// contentPolicy lets the page load its own style sheet and nothing else: even a
// name that got past every escape could neither run nor fetch anything.
const contentPolicy = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// handler is every route behind the guards.
func (s *site) handler() http.Handler {
	mux := http.NewServeMux()
	route := func(pattern, name string, h http.HandlerFunc) {
		mux.Handle(pattern, s.counted(name, h))
	}
	route("GET /{$}", "page", s.page)
	route("GET /owners.csv", "owners", s.download(ownersTable, FormatCSV))
	route("GET /owners.json", "owners", s.download(ownersTable, FormatJSON))
	route("GET /sources.csv", "sources", s.download(sourcesTable, FormatCSV))
	route("GET /sources.json", "sources", s.download(sourcesTable, FormatJSON))
	route("GET /docs/{$}", "docs", s.docsIndex)
	route("GET /docs/{name}", "docs", s.doc)
	route("GET /style.css", "style", s.style)
	route("/", "none", s.notFound)
	return s.guarded(mux)
}

// guarded sets the headers of every answer and refuses foreign hosts.
func (s *site) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if !s.hosts.allow(r.Host) {
			s.metrics.refused.Inc()
			s.log.Debug("foreign host refused", "host", cut(Printable(r.Host), 100), "remote", r.RemoteAddr)
			s.fail(w, r, http.StatusMisdirectedRequest,
				"This page does not answer to that name. Ask for it as localhost, or add the name to report.hosts in the configuration.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// counted counts the answers of a route.
func (s *site) counted(route string, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next(note, r)
		s.metrics.requests.WithLabelValues(route, strconv.Itoa(note.status)).Inc()
	})
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// hosts is the set of names the page answers to, lower case and without port.
type hosts map[string]bool

// newHosts allows loopback by name and address, the address listened on, and
// what the configuration adds.
func newHosts(cfg Config) hosts {
	set := hosts{"localhost": true}
	if host, _, err := net.SplitHostPort(cfg.Listen); err == nil && host != "" {
		set[canonicalHost(host)] = true
	}
	for _, host := range cfg.Hosts {
		set[canonicalHost(host)] = true
	}
	return set
}

// allow judges a Host header. A loopback address is always fine: an attacker's
// page can only ever use a name of its own.
func (h hosts) allow(header string) bool {
	host := header
	if name, port, err := net.SplitHostPort(header); err == nil {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return false
		}
		host = name
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	if addr, err := netip.ParseAddr(host); err == nil && addr.Unmap().IsLoopback() {
		return true
	}
	return h[canonicalHost(host)]
}

func canonicalHost(host string) string {
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// logged notes why a request failed, for operators; users get a sentence.
func (s *site) logged(r *http.Request, err error) {
	s.log.Error("page failed", "path", r.URL.Path, "query", cut(r.URL.RawQuery, 200), "error", err)
}
