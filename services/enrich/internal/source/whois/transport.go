package whois

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	likexian "github.com/likexian/whois"

	"github.com/whoknocks/whoknocks/services/enrich/internal/source/guard"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois/reply"
)

// maxReply is the most bytes of one reply that are read. Registries send a few
// kilobytes.
const maxReply = 256 << 10

// Errors of one question.
var (
	// ErrTooLarge is returned for a reply of more than 256 KiB, by RDAP of more
	// than 1 MiB.
	ErrTooLarge = errors.New("reply is too large")
	// ErrEmpty is returned when a server closes the connection without a word.
	ErrEmpty = errors.New("reply is empty")
	// ErrForbidden is returned, wrapped, when a server's name leads to an
	// address that is not public and that the configuration did not name.
	ErrForbidden = guard.ErrForbidden
	// ErrNoServer is returned for a registry that is not asked.
	ErrNoServer = errors.New("registry is not asked")
	// ErrPaused is returned for a server that is left alone by now.
	ErrPaused = errors.New("server is left alone for a while")
)

// transport asks by WHOIS.
type transport struct{ cfg Config }

// Asks implements Asker.
func (t transport) Asks(r reply.Registry) bool {
	_, ok := t.cfg.endpoint(r)
	return ok
}

// Ask implements Asker.
func (t transport) Ask(ctx context.Context, r reply.Registry, server string, addr netip.Addr) (reply.Reply, time.Duration, error) {
	ep, ok := t.cfg.endpoint(r)
	if ok && ep.address == "" {
		ep.address = server
	}
	if !ok || ep.address == "" {
		return reply.Reply{}, 0, ErrNoServer
	}
	text, err := ask(ctx, ep, servers[r], addr, t.cfg.Timeout)
	if err != nil {
		return reply.Reply{}, 0, err
	}
	if text == "" {
		return reply.Reply{}, 0, ErrEmpty // a limit, or a server that is going down: no answer at all
	}
	return reply.Parse(addr, text), 0, nil
}

// ask sends one question and returns the whole reply. The library below it
// carries text over a connection that is ours; what it would do by itself is
// switched off or kept from it: it cannot choose a server (it is given a name
// that means nothing, and the dialer ignores it), follow referrals, read without
// end or outlive ctx, and a panic of its becomes an error.
func ask(ctx context.Context, ep endpoint, how server, addr netip.Addr, timeout time.Duration) (text string, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			text, err = "", fmt.Errorf("whois library panicked: %v", p)
		}
	}()
	d := &dialer{ctx: ctx, endpoint: ep}
	defer d.close()
	client := likexian.NewClient().SetDialer(d).SetTimeout(timeout).SetDisableReferral(true).SetDisableStats(true)
	// Canonical text of an address without zone holds no line break, so this
	// is one question and nothing else.
	text, err = client.Whois(how.prefix+addr.WithZone("").String()+how.suffix, "registry")
	if cause := context.Cause(ctx); cause != nil && err != nil {
		return "", cause
	}
	if d.conn != nil && d.conn.over {
		return "", ErrTooLarge
	}
	// A server that refuses may reset the connection after its last words.
	if err != nil && (text == "" || reply.Parse(addr, text).Kind != reply.Blocked) {
		return "", err
	}
	return text, nil
}

// dialer connects to one endpoint, whatever it is asked for, once.
type dialer struct {
	ctx      context.Context
	endpoint endpoint
	conn     *conn
	stop     func() bool
}

// Dial implements the library's interface for proxies.
func (d *dialer) Dial(_, _ string) (net.Conn, error) {
	if d.conn != nil {
		return nil, errors.New("second connection refused")
	}
	nd := net.Dialer{}
	if !d.endpoint.trusted {
		nd.ControlContext = guard.Public
	}
	c, err := nd.DialContext(d.ctx, "tcp", d.endpoint.address)
	if err != nil {
		return nil, err
	}
	d.conn = &conn{Conn: c, left: maxReply}
	d.stop = context.AfterFunc(d.ctx, func() { _ = c.Close() })
	return d.conn, nil
}

func (d *dialer) close() {
	if d.conn != nil {
		d.stop()
		_ = d.conn.Close()
	}
}

// conn reads at most left bytes. The deadline of the question closes it, so the
// deadlines that the library sets, counted anew at each step, do not matter.
type conn struct {
	net.Conn
	left int
	over bool
}

func (c *conn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		// One more byte tells a reply that is too large from one that just fits.
		n, err := c.Conn.Read(make([]byte, 1))
		if n > 0 {
			c.over = true
			return 0, ErrTooLarge
		}
		return 0, err
	}
	if len(p) > c.left {
		p = p[:c.left]
	}
	n, err := c.Conn.Read(p)
	c.left -= n
	return n, err
}

func (c *conn) SetDeadline(time.Time) error      { return nil }
func (c *conn) SetReadDeadline(time.Time) error  { return nil }
func (c *conn) SetWriteDeadline(time.Time) error { return nil }
