// Package rdap asks the registries who registered an address by RDAP, which is
// the second way beside WHOIS: the same registrations, as JSON over HTTPS. It
// carries one question and reads the answer; when to ask, and which answers are
// kept, is left to the packages whois and enrich. Carriers' servers and the
// national registries of Japan and Korea are asked by WHOIS only.
//
// It asks only the servers of IANA's lists, which are built in, and those that
// the configuration names. Redirects lead to the same registry or nowhere. People
// are not told of.
//
// Protocol: RFC 7480 (HTTP), RFC 9082 (questions), RFC 9083 (answers), RFC 9224
// (who answers for what).
package rdap

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/whoknocks/whoknocks/services/enrich/internal/source/guard"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois/reply"
)

// Bounds of one question.
const (
	maxReply     = 1 << 20  // bytes of a reply, after decompression
	maxProblem   = 64 << 10 // of the text that comes with an error
	maxHeader    = 64 << 10 // of the HTTP header
	maxRedirects = 3        // within one registry
	maxRetry     = 24 * time.Hour
)

// userAgent tells the registries who asks so.
const userAgent = "whoknocks (+https://github.com/whoknocks/whoknocks)"

// Config says how to ask. The zero Config asks the registries of IANA's lists.
type Config struct {
	// Servers overrides where a registry is asked: its name, as Registries lists
	// it, to the base URL that "ip/…" is added to. Only servers named here may be
	// http:// or have private or loopback addresses. Empty text switches the
	// registry off.
	Servers map[string]string
	// Timeout bounds one question, redirects included, from connecting to the
	// last byte. Default 15 s.
	Timeout time.Duration
}

// Validate returns an error for a registry that is not asked by RDAP and for a URL
// that is not an http or https one.
func (c Config) Validate() error {
	for registry, server := range c.Servers {
		if !slices.Contains(Registries(), registry) {
			return fmt.Errorf("registry %q is not one of %s", registry, strings.Join(Registries(), ", "))
		}
		if _, ok := baseURL(server); !ok && server != "" {
			return fmt.Errorf("server of %s: %q is not an http or https URL", registry, server)
		}
	}
	return nil
}

// Registries lists the registries that are asked, in alphabetical order.
func Registries() []string {
	var names []string
	for r := range maps.Keys(boot().bases) {
		names = append(names, string(r))
	}
	slices.Sort(names)
	return names
}

// Client asks by RDAP, one connection a question. It implements whois.Asker, is
// safe for concurrent use and has nothing to close.
type Client struct {
	bases   map[reply.Registry]*url.URL
	named   map[string]bool // host:port that the configuration names
	timeout time.Duration
	http    *http.Transport
}

// New returns a client. A registry whose URL Validate refuses is not asked.
func New(cfg Config) *Client {
	c := &Client{
		bases: map[reply.Registry]*url.URL{}, named: map[string]bool{}, timeout: cfg.Timeout,
	}
	if c.timeout <= 0 {
		c.timeout = 15 * time.Second
	}
	for r, base := range boot().bases {
		own, named := cfg.Servers[string(r)]
		if named {
			base = own
		}
		u, ok := baseURL(base)
		if !ok {
			continue
		}
		c.bases[r] = u
		if named {
			c.named[hostPort(u)] = true
		}
	}
	c.http = &http.Transport{
		// No proxy: the addresses that are connected to are checked here.
		DialContext:            c.dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    c.timeout,
		DisableKeepAlives:      true, // questions are seconds apart
		MaxResponseHeaderBytes: maxHeader,
	}
	return c
}

// Asks implements whois.Asker.
func (c *Client) Asks(r reply.Registry) bool { return c.bases[r] != nil }

// Ask asks a registry about addr, once. It blocks until the server has answered,
// until the timeout or until ctx ends. Server must be empty: carriers have none.
//
// The kind of the reply is Elsewhere if the server redirects to another registry,
// or has nothing and IANA gave the address to another; Blocked for the statuses
// 403, 429 and 503; None for 404; Unusable for a redirect to any other host, for
// other statuses below 500 and for what Parse can't read. The time returned is
// that of Retry-After, between 0 and 24 hours.
//
// Errors: whois.ErrNoServer for a registry that is not asked, whois.ErrTooLarge for
// a reply of more than 1 MiB, whois.ErrForbidden for a server that is not on the
// Internet, and what connecting, TLS, HTTP and statuses from 500 give.
func (c *Client) Ask(ctx context.Context, r reply.Registry, server string, addr netip.Addr) (reply.Reply, time.Duration, error) {
	base := c.bases[r]
	if base == nil || server != "" || !addr.IsValid() {
		return reply.Reply{}, 0, fmt.Errorf("%s by RDAP: %w", r, whois.ErrNoServer)
	}
	addr = addr.Unmap().WithZone("")
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	at := *base
	at.Path = strings.TrimSuffix(at.Path, "/") + "/ip/" + addr.String()
	for range maxRedirects + 1 {
		rep, retry, next, err := c.ask(ctx, &at, addr)
		if err != nil {
			return reply.Reply{}, 0, fmt.Errorf("ask %s: %w", at.Host, err)
		}
		if next == nil {
			return c.direct(r, addr, rep), retry, nil
		}
		to := c.whose(next, r)
		switch {
		case to == "":
			return reply.Reply{}, 0, nil
		case to != r:
			return reply.Reply{Kind: reply.Elsewhere, Refer: to}, 0, nil
		case next.Scheme != "https" && !c.named[hostPort(next)]:
			return reply.Reply{}, 0, nil
		}
		at = *next
	}
	return reply.Reply{}, 0, nil
}

// whose is the registry whose server a redirect of r's leads to, "" if it is
// nobody's. Servers that the configuration names may share a host: their paths
// tell.
func (c *Client) whose(u *url.URL, r reply.Registry) reply.Registry {
	host := hostOf(u)
	found, most := speakers[host], -1
	for reg, base := range c.bases {
		if hostOf(base) != host {
			continue
		}
		n := 0
		if strings.HasPrefix(u.Path, base.Path) {
			n = len(base.Path)
		}
		if n > most || n == most && reg == r {
			found, most = reg, n
		}
	}
	return found
}

// direct names the registry that IANA gave the address to where the server has
// nothing or does not say who has.
func (c *Client) direct(r reply.Registry, addr netip.Addr, rep reply.Reply) reply.Reply {
	holder := Holder(addr)
	if holder == "" || holder == r || rep.Refer != "" || r == reply.NICBR {
		return rep
	}
	switch rep.Kind {
	case reply.None, reply.Elsewhere:
		rep.Kind, rep.Refer = reply.Elsewhere, holder
	}
	return rep
}

// ask makes one request. next is where the server redirects to, else nil.
func (c *Client) ask(ctx context.Context, at *url.URL, addr netip.Addr) (rep reply.Reply, retry time.Duration, next *url.URL, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), http.NoBody)
	if err != nil {
		return rep, 0, nil, err
	}
	req.Header.Set("Accept", "application/rdap+json")
	req.Header.Set("User-Agent", userAgent)
	// Without http.Client, which would follow redirects and keep cookies.
	res, err := c.http.RoundTrip(req)
	if err != nil {
		return rep, 0, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	retry = retryAfter(res.Header.Get("Retry-After"), time.Now())
	switch code := res.StatusCode; {
	case code == http.StatusOK:
		var data []byte
		if data, err = io.ReadAll(io.LimitReader(res.Body, maxReply+1)); err == nil && len(data) > maxReply {
			err = whois.ErrTooLarge
		}
		if err != nil {
			return rep, 0, nil, err
		}
		rep = Parse(addr, data)
	case code == http.StatusForbidden, code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable:
		rep.Kind = reply.Blocked
	case code >= 500:
		return rep, 0, nil, fmt.Errorf("status %d", code)
	case code >= 400:
		if code == http.StatusNotFound {
			rep.Kind = reply.None
		}
		if problem(res.Body) {
			rep.Kind = reply.Blocked
		}
	case code == http.StatusMovedPermanently, code == http.StatusFound, code == http.StatusSeeOther,
		code == http.StatusTemporaryRedirect, code == http.StatusPermanentRedirect:
		u, err := at.Parse(res.Header.Get("Location"))
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || *u == *at {
			return rep, 0, nil, nil
		}
		return rep, 0, u, nil
	}
	if rep.Kind != reply.Blocked {
		retry = 0
	}
	return rep, retry, nil, nil
}

// problem says whether the text of an error is that there were too many
// questions.
func problem(body io.Reader) bool {
	data, err := io.ReadAll(io.LimitReader(body, maxProblem))
	if err != nil {
		return false
	}
	var o object
	_ = json.Unmarshal(data, &o) // what is not in this form says nothing
	return o.refuses()
}

// retryAfter reads a time to wait: seconds, or a date (RFC 9110, section 10.2.3).
// What is neither, or past, is 0.
func retryAfter(s string, now time.Time) time.Duration {
	if s = strings.TrimSpace(s); s == "" {
		return 0
	}
	if strings.Trim(s, "0123456789") == "" {
		seconds, err := strconv.ParseUint(s, 10, 64)
		if err != nil || seconds > uint64(maxRetry/time.Second) {
			return maxRetry
		}
		return time.Duration(seconds) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil {
		return min(max(t.Sub(now), 0), maxRetry)
	}
	return 0
}

// dial connects to any server that the configuration names, and else to public
// addresses only.
func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	if !c.named[strings.ToLower(address)] {
		d.ControlContext = guard.Public
	}
	return d.DialContext(ctx, network, address)
}

// baseURL reads what questions are added to.
func baseURL(s string) (*url.URL, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, false
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}, true
}

var ports = map[string]string{"http": "80", "https": "443"}

// hostOf is the host of a URL, with its port if it is not the usual one.
func hostOf(u *url.URL) string {
	host := strings.ToLower(u.Hostname())
	if p := u.Port(); p != "" && p != ports[u.Scheme] {
		return net.JoinHostPort(host, p)
	}
	return host
}

// hostPort is the host and the port of a URL, as they are connected to.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = ports[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}
