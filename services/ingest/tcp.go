package ingest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/whoknocks/whoknocks/services/ingest/internal/syslog"
)

// lastWords is how long a socket must be silent, once the service was asked to
// stop, until it is taken to have nothing more: what peers have sent already is
// still read, for Config.Drain at most.
const lastWords = 200 * time.Millisecond

// lastReader reads a connection and stops, once ctx has ended, when it is silent.
type lastReader struct {
	net.Conn
	ctx context.Context
}

func (r lastReader) Read(p []byte) (n int, err error) {
	err = untilSilent(r.ctx, r.Conn, func() error {
		n, err = r.Conn.Read(p)
		return err
	})
	return n, err
}

// untilSilent reads from a socket; once ctx has ended, it gives up when nothing
// came for lastWords. Whoever sees ctx end sets a deadline that wakes read: that
// is no silence, so it is tried again.
func untilSilent(ctx context.Context, socket interface{ SetReadDeadline(time.Time) error }, read func() error) error {
	for {
		var since time.Time
		if ctx.Err() != nil {
			since = time.Now()
			_ = socket.SetReadDeadline(since.Add(lastWords))
		}
		err := read()
		if errors.Is(err, os.ErrDeadlineExceeded) && (since.IsZero() || time.Since(since) < lastWords) {
			continue
		}
		return err
	}
}

// serveTCP takes connections of a listener, plain or TLS, until ctx ends, and what
// they bring. While the bus is behind it does not read, so that the peers wait and
// nothing is lost. All listeners share the slots.
func (s *Service) serveTCP(ctx, work context.Context, p *peers, l net.Listener, slots chan struct{}) error {
	var group sync.WaitGroup
	defer group.Wait()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	defer l.Close()
	for pause := time.Duration(0); ; {
		c, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				c.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("take syslog over %s: %w", strings.ToUpper(p.listener), err)
		case err != nil: // out of files, say: it may pass
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.log.Warn("syslog connection not accepted", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
			continue
		}
		pause = 0
		if !s.gate.admits(remote(c)) {
			s.metrics.notAllowed.WithLabelValues(p.listener).Inc()
			c.Close()
			continue
		}
		select {
		case slots <- struct{}{}:
		default:
			s.metrics.refused.Inc()
			c.Close()
			continue
		}
		s.metrics.connections.Inc()
		group.Go(func() {
			s.connection(ctx, work, p, c)
			s.metrics.connections.Dec()
			<-slots
		})
	}
}

// connection reads one peer until it closes, breaks, or ctx has ended.
func (s *Service) connection(ctx, work context.Context, p *peers, c net.Conn) {
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { _ = c.SetReadDeadline(time.Now()) })
	defer stop()
	addr := remote(c)
	from := origin(p.listener, addr)
	if t, ok := c.(*tls.Conn); ok {
		limited, cancel := context.WithTimeout(ctx, tlsHandshake)
		err := t.HandshakeContext(limited)
		cancel()
		if err != nil {
			s.metrics.handshakes.Inc()
			s.log.Info("tls handshake failed", "peer", from, "error", err)
			return
		}
	}
	messages := s.metrics.messages.WithLabelValues(p.listener)
	frames := syslog.NewFrames(lastReader{c, ctx})
	for {
		msg, long, err := frames.Next()
		if err != nil {
			if !errors.Is(err, io.EOF) && ctx.Err() == nil {
				s.log.Info("syslog connection broke", "peer", from, "error", err)
			}
			return
		}
		messages.Inc()
		if err := s.gate.wait(work, addr); err != nil {
			return
		}
		if err := p.take(work, from, msg, long); err != nil {
			s.log.Error("syslog message not published", "peer", from, "error", err)
			return
		}
	}
}

// remote is the peer's address, unmapped; the zero Addr if it has none.
func remote(c net.Conn) netip.Addr {
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}
