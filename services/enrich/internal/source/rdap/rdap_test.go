package rdap

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois/reply"
)

var (
	_    whois.Asker = (*Client)(nil)
	addr             = netip.MustParseAddr("192.0.2.7")
)

const network = `{"objectClassName": "ip network", "startAddress": "192.0.2.0", "endAddress": "192.0.2.255", "name": "EXAMPLE"}`

// serve runs a server on the loopback until the test ends.
func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// only returns a client that asks ARIN at a server.
func only(base string) *Client { return New(Config{Servers: map[string]string{"arin": base}}) }

func status(code int, header, value string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if header != "" {
			w.Header().Set(header, value)
		}
		w.WriteHeader(code)
	}
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
}

func TestAsk(t *testing.T) {
	var got []string
	h := func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Method+" "+r.RequestURI, r.Header.Get("Accept"), r.Header.Get("User-Agent"), r.Header.Get("Cookie"))
		w.Header().Set("Set-Cookie", "a=b")
		_, _ = w.Write([]byte(network))
	}
	secure := httptest.NewTLSServer(http.HandlerFunc(h))
	t.Cleanup(secure.Close)
	for _, s := range []*httptest.Server{serve(t, h), secure} {
		c := only(s.URL + "/registry")
		if s == secure {
			c.http.TLSClientConfig.RootCAs = x509.NewCertPool()
			c.http.TLSClientConfig.RootCAs.AddCert(s.Certificate())
		}
		got = nil
		for range 2 {
			rep, wait, err := c.Ask(t.Context(), reply.ARIN, "", addr)
			if err != nil || wait != 0 || tell(rep) != `answer 192.0.2.0/24 "EXAMPLE" "EXAMPLE" ` {
				t.Errorf("Ask() = %s, %v, %v", tell(rep), wait, err)
			}
		}
		want := []string{"GET /registry/ip/192.0.2.7", "application/rdap+json", userAgent, ""}
		if diff := cmp.Diff(append(want, want...), got); diff != "" {
			t.Errorf("requests mismatch (-want +got)\n%s", diff)
		}
		got = nil
		_, _, err := c.Ask(t.Context(), reply.ARIN, "", netip.MustParseAddr("2001:db8::1%x/../y?z"))
		if err != nil || got[0] != "GET /registry/ip/2001:db8::1" {
			t.Errorf("Ask() with a zone: %q, %v", got, err)
		}
	}
}

func TestAskChecksCertificates(t *testing.T) {
	s := httptest.NewUnstartedServer(says(network))
	quiet := slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.Config.ErrorLog = quiet
	s.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	s.StartTLS()
	t.Cleanup(s.Close)
	if rep, _, err := only(s.URL).Ask(t.Context(), reply.ARIN, "", addr); err == nil {
		t.Errorf("TLS 1.1: %s", tell(rep))
	}
	good := httptest.NewUnstartedServer(says(network))
	good.Config.ErrorLog = quiet
	good.StartTLS()
	t.Cleanup(good.Close)
	if rep, _, err := only(good.URL).Ask(t.Context(), reply.ARIN, "", addr); err == nil {
		t.Errorf("a certificate of nobody: %s", tell(rep))
	}
}

func TestAskStatus(t *testing.T) {
	f := func(h http.HandlerFunc, r reply.Registry, want string, wait time.Duration) {
		t.Helper()
		c := New(Config{Servers: map[string]string{string(r): serve(t, h).URL}})
		rep, got, err := c.Ask(t.Context(), r, "", addr)
		text := tell(rep)
		if err != nil {
			text = "error"
		}
		if text != want || got.Round(time.Minute) != wait {
			t.Errorf("Ask() = %s, %v, %v, want %s, %v", text, got, err, want, wait)
		}
	}
	f(status(404, "", ""), reply.ARIN, "none", 0)
	f(status(404, "Retry-After", "60"), reply.ARIN, "none", 0)
	f(status(404, "", ""), reply.RIPE, "elsewhere ask arin", 0) // IANA gave it to ARIN
	f(status(404, "", ""), reply.NICBR, "none", 0)
	f(status(429, "", ""), reply.ARIN, "blocked", 0)
	f(status(429, "Retry-After", "600"), reply.ARIN, "blocked", 10*time.Minute)
	f(status(429, "Retry-After", time.Now().Add(2*time.Hour).UTC().Format(http.TimeFormat)), reply.ARIN, "blocked", 2*time.Hour)
	f(status(503, "Retry-After", "99999999999999999999"), reply.ARIN, "blocked", 24*time.Hour)
	f(status(403, "Retry-After", "-5"), reply.ARIN, "blocked", 0)
	f(status(400, "", ""), reply.ARIN, "unusable", 0)
	f(status(418, "", ""), reply.ARIN, "unusable", 0)
	f(status(204, "", ""), reply.ARIN, "unusable", 0)
	f(status(300, "", ""), reply.ARIN, "unusable", 0)
	f(status(500, "", ""), reply.ARIN, "error", 0)
	f(status(501, "", ""), reply.ARIN, "error", 0)
	limit := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(code)
			_, _ = w.Write(fixture(t, "rate-limit.json"))
		}
	}
	for _, code := range []int{200, 404, 422} {
		f(limit(code), reply.ARIN, "blocked", time.Minute)
	}
	f(says(string(fixture(t, "ripe-not-managed.json"))), reply.RIPE, "elsewhere ask arin", 0)
	f(says("<html>Not today</html>"), reply.ARIN, "unusable", 0)
	f(says(""), reply.ARIN, "unusable", 0)
	f(says(`{"startAddress": "198.51.100.0", "endAddress": "198.51.100.255"}`), reply.ARIN, "unusable", 0)
	f(says(strings.Repeat("[", 10_000)), reply.ARIN, "unusable", 0)
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	f := func(s string, want time.Duration) {
		t.Helper()
		if got := retryAfter(s, now); got != want {
			t.Errorf("retryAfter(%q) = %v, want %v", s, got, want)
		}
	}
	f("", 0)
	f("0", 0)
	f(" 120 ", 2*time.Minute)
	f("86401", 24*time.Hour)
	f("1.5", 0)
	f("soon", 0)
	f("Wed, 01 Jul 2026 12:00:30 GMT", 30*time.Second)
	f("Wed, 01 Jul 2026 11:00:00 GMT", 0)
	f("Wed, 01 Jul 2037 11:00:00 GMT", 24*time.Hour)
}

func TestAskRedirects(t *testing.T) {
	var touched atomic.Int32
	other := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		touched.Add(1)
		_, _ = w.Write([]byte(network))
	})
	to, hops := "", 0
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		hops++
		if r.URL.Path == "/arin/moved" {
			_, _ = w.Write([]byte(network))
			return
		}
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusFound)
	})
	c := New(Config{Servers: map[string]string{"arin": srv.URL + "/arin/", "lacnic": srv.URL + "/lacnic", "apnic": other.URL + "/", "ripe": ""}})
	f := func(location, want string, requests int) {
		t.Helper()
		to, hops = location, 0
		rep, _, err := c.Ask(t.Context(), reply.ARIN, "", addr)
		if err != nil || tell(rep) != want || hops != requests {
			t.Errorf("redirect to %q: %s after %d requests, %v, want %s after %d", location, tell(rep), hops, err, want, requests)
		}
	}
	answer := `answer 192.0.2.0/24 "EXAMPLE" "EXAMPLE" `
	f("/arin/moved", answer, 2)
	f(srv.URL+"/arin/moved", answer, 2)
	f(srv.URL+"/lacnic/ip/192.0.2.7", "elsewhere ask lacnic", 1)
	f(other.URL+"/ip/192.0.2.7", "elsewhere ask apnic", 1)
	f("https://rdap.db.ripe.net/ip/192.0.2.7", "elsewhere ask ripe", 1) // which is off
	f("http://rdap.afrinic.net/rdap/ip/192.0.2.7", "elsewhere ask afrinic", 1)
	f("https://RDAP.registro.br/ip/192.0.2.7", "elsewhere ask nicbr", 1)
	f("http://rdap.arin.net/registry/ip/192.0.2.7", "unusable", 1) // not https
	f("https://rdap.arin.net:8443/registry/ip/192.0.2.7", "unusable", 1)
	f("https://rdap.arin.net.example.net/ip/192.0.2.7", "unusable", 1)
	f("https://rdap.db.ripe.net@example.net/ip/192.0.2.7", "unusable", 1)
	f("https://user@rdap.db.ripe.net/ip/192.0.2.7", "unusable", 1)
	f("https://example.net/ip/192.0.2.7", "unusable", 1)
	f("http://127.0.0.1/ip/192.0.2.7", "unusable", 1)
	f("http://localhost:1/", "unusable", 1)
	f("http://169.254.169.254/latest/meta-data", "unusable", 1)
	f("file:///etc/hosts", "unusable", 1)
	f("", "unusable", 1)
	f("http://%zz", "unusable", 1)
	f("?again", "unusable", 2)
	f("/arin/ip/192.0.2.7", "unusable", 1)
	if n := touched.Load(); n != 0 {
		t.Errorf("another registry's server was asked %d times", n)
	}
	n := 0
	loop := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		n++
		w.Header().Set("Location", fmt.Sprint("/", n))
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	if rep, _, err := only(loop.URL).Ask(t.Context(), reply.ARIN, "", addr); err != nil || rep.Kind != reply.Unusable || n != 1+maxRedirects {
		t.Errorf("redirects without end: %s after %d requests, %v", tell(rep), n, err)
	}
}

// TestAskRefusesServersThatAreNotPublic: a name of IANA's lists that leads to the
// loopback is not connected to.
func TestAskRefusesServersThatAreNotPublic(t *testing.T) {
	asked := false
	srv := serve(t, func(http.ResponseWriter, *http.Request) { asked = true })
	c := only(srv.URL)
	clear(c.named) // as if the lists named it
	if rep, _, err := c.Ask(t.Context(), reply.ARIN, "", addr); !errors.Is(err, whois.ErrForbidden) || asked {
		t.Errorf("Ask() = %s, %v, want ErrForbidden", tell(rep), err)
	}
	c = only(strings.Replace(srv.URL, "127.0.0.1", "LocalHost", 1))
	if _, _, err := c.Ask(t.Context(), reply.ARIN, "", addr); err != nil || !asked {
		t.Errorf("a server that is named: %v", err)
	}
}

func TestAskBounds(t *testing.T) {
	big := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(bytes.Repeat([]byte(" "), maxReply+1))
	}
	bomb := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		for range 64 {
			_, _ = z.Write(make([]byte, 1<<20))
		}
		_ = z.Close()
	}
	for _, h := range []http.HandlerFunc{big, bomb} {
		if rep, _, err := only(serve(t, h).URL).Ask(t.Context(), reply.ARIN, "", addr); !errors.Is(err, whois.ErrTooLarge) {
			t.Errorf("Ask() = %s, %v, want ErrTooLarge", tell(rep), err)
		}
	}
	fits := says(network + strings.Repeat(" ", maxReply-len(network)))
	if rep, _, err := only(serve(t, fits).URL).Ask(t.Context(), reply.ARIN, "", addr); err != nil || rep.Kind != reply.Answer {
		t.Errorf("a reply that just fits: %s, %v", tell(rep), err)
	}
	header := status(200, "X-Long", strings.Repeat("x", 2*maxHeader))
	if rep, _, err := only(serve(t, header).URL).Ask(t.Context(), reply.ARIN, "", addr); err == nil {
		t.Errorf("a header without end: %s", tell(rep))
	}
}

func TestAskTimeout(t *testing.T) {
	before := runtime.NumGoroutine()
	trickle := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = w.Write([]byte(" "))
			_ = http.NewResponseController(w).Flush()
			time.Sleep(time.Millisecond)
		}
	}
	silent := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for _, h := range []http.HandlerFunc{trickle, silent} {
		srv := httptest.NewServer(h)
		c := New(Config{Servers: map[string]string{"arin": srv.URL}, Timeout: 50 * time.Millisecond})
		start := time.Now()
		if rep, _, err := c.Ask(t.Context(), reply.ARIN, "", addr); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 2*time.Second {
			t.Errorf("Ask() = %s, %v after %v, want a timeout", tell(rep), err, time.Since(start))
		}
		c = only(srv.URL)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		if rep, _, err := c.Ask(ctx, reply.ARIN, "", addr); !errors.Is(err, context.Canceled) {
			t.Errorf("Ask() = %s, %v, want it cancelled", tell(rep), err)
		}
		srv.Close()
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

func TestAsks(t *testing.T) {
	c := New(Config{Servers: map[string]string{"ripe": "", "arin": "http://127.0.0.1:1", "apnic": "ftp://example.net"}})
	for r, want := range map[reply.Registry]bool{
		reply.ARIN: true, reply.RIPE: false, reply.APNIC: false, reply.AFRINIC: true, reply.LACNIC: true, reply.NICBR: true,
		reply.JPNIC: false, reply.KRNIC: false, reply.IANA: false, reply.RWHOIS: false,
	} {
		if got := c.Asks(r); got != want {
			t.Errorf("Asks(%s) = %v, want %v", r, got, want)
		}
	}
	for r, server := range map[reply.Registry]string{reply.RIPE: "", reply.RWHOIS: "rwhois.example.net:4321", reply.ARIN: "rwhois.example.net:4321"} {
		if _, _, err := c.Ask(t.Context(), r, server, addr); !errors.Is(err, whois.ErrNoServer) {
			t.Errorf("Ask(%s, %q) = %v, want ErrNoServer", r, server, err)
		}
	}
}

func TestValidate(t *testing.T) {
	f := func(registry, server string, ok bool) {
		t.Helper()
		if err := (Config{Servers: map[string]string{registry: server}}).Validate(); (err == nil) != ok {
			t.Errorf("Validate() of %s at %q = %v", registry, server, err)
		}
	}
	f("arin", "http://127.0.0.1:8080/registry", true)
	f("nicbr", "https://rdap.example.net", true)
	f("ripe", "", true)
	f("rwhois", "", false)
	f("jpnic", "https://rdap.example.net", false)
	f("arin", "rdap.example.net", false)
	f("arin", "ftp://rdap.example.net", false)
	f("arin", "https://", false)
	if err := (Config{}).Validate(); err != nil {
		t.Error(err)
	}
}
