package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
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

// serveTCP takes connections until ctx ends, and what they bring. While the bus
// is behind it does not read, so that the peers wait and nothing is lost.
func (s *Service) serveTCP(ctx, work context.Context, p *peers) error {
	var group sync.WaitGroup
	defer group.Wait()
	stop := context.AfterFunc(ctx, func() { s.tcp.Close() })
	defer stop()
	defer s.tcp.Close()
	slots := make(chan struct{}, s.cfg.MaxConnections)
	for pause := time.Duration(0); ; {
		c, err := s.tcp.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				c.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("take syslog over TCP: %w", err)
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
	from := "syslog-tcp"
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		from = origin("tcp", a.AddrPort().Addr())
	}
	messages := s.metrics.messages.WithLabelValues("tcp")
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
		if err := p.take(work, from, msg, long); err != nil {
			s.log.Error("syslog message not published", "peer", from, "error", err)
			return
		}
	}
}
