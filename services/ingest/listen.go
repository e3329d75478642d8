package ingest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/stream"
)

// listeners are the open sockets; nil for those that are not configured.
type listeners struct {
	udp  *net.UDPConn
	tcp  net.Listener
	tls  net.Listener
	gate *gate
}

// SyslogAddrs returns the addresses that syslog is taken on, with the ports that
// were chosen where the configuration said 0. They are known once Ready is
// closed; "" is a listener that is not configured.
func (s *Service) SyslogAddrs() (udp, tcp string) {
	if s.udp != nil {
		udp = s.udp.LocalAddr().String()
	}
	if s.tcp != nil {
		tcp = s.tcp.Addr().String()
	}
	return udp, tcp
}

// SyslogTLSAddr is the address that syslog over TLS is taken on, as SyslogAddrs.
func (s *Service) SyslogTLSAddr() string {
	if s.tls == nil {
		return ""
	}
	return s.tls.Addr().String()
}

func (s *Service) listen(ctx context.Context) (failed error) {
	var lc net.ListenConfig // its keep-alives find peers that are gone
	var err error
	if s.gate, err = newGate(s.cfg); err != nil {
		return err
	}
	defer func() {
		if failed != nil {
			s.closeListeners()
		}
	}()
	if addr := s.cfg.SyslogUDP; addr != "" {
		c, err := lc.ListenPacket(ctx, "udp", addr)
		if err != nil {
			return fmt.Errorf("take syslog over UDP: %w", err)
		}
		s.udp = c.(*net.UDPConn)
		if err := s.udp.SetReadBuffer(int(s.cfg.ReadBuffer)); err != nil {
			s.log.Warn("udp read buffer stays as it is", "error", err)
		}
	}
	if addr := s.cfg.SyslogTCP; addr != "" {
		l, err := lc.Listen(ctx, "tcp", addr)
		if err != nil {
			return fmt.Errorf("take syslog over TCP: %w", err)
		}
		s.tcp = l
	}
	if addr := s.cfg.SyslogTLS; addr != "" {
		cfg, err := tlsConfig(s.cfg)
		if err != nil {
			return fmt.Errorf("take syslog over TLS: %w", err)
		}
		l, err := lc.Listen(ctx, "tcp", addr)
		if err != nil {
			return fmt.Errorf("take syslog over TLS: %w", err)
		}
		s.tls = tls.NewListener(l, cfg)
	}
	return nil
}

func (s *Service) closeListeners() {
	if s.udp != nil {
		s.udp.Close()
	}
	for _, l := range []net.Listener{s.tcp, s.tls} {
		if l != nil {
			l.Close()
		}
	}
}

// serve runs the listeners until ctx ends and then lets them finish; work is what
// publishing may take after that.
func (s *Service) serve(ctx, work context.Context) error {
	if s.udp == nil && s.tcp == nil && s.tls == nil {
		return nil
	}
	b := s.batcher(0)
	defer b.Close()
	var g errgroup.Group
	if s.udp != nil {
		p, err := s.newPeers("udp", b)
		if err != nil {
			return err
		}
		s.log.Info("taking syslog", "listener", "udp", "address", s.udp.LocalAddr().String())
		g.Go(func() error { return s.serveUDP(ctx, work, p) })
		g.Go(func() error { return s.watchDrops(ctx, work, p) })
	}
	slots := make(chan struct{}, s.cfg.MaxConnections)
	for name, l := range map[string]net.Listener{"tcp": s.tcp, "tls": s.tls} {
		if l == nil {
			continue
		}
		p, err := s.newPeers(name, b)
		if err != nil {
			return err
		}
		s.log.Info("taking syslog", "listener", name, "address", l.Addr().String())
		g.Go(func() error { return s.serveTCP(ctx, work, p, l, slots) })
	}
	err := g.Wait()
	if ferr := b.Flush(work); err == nil && ferr != nil {
		err = fmt.Errorf("put the last events on the bus: %w", ferr)
	}
	return err
}

var errDrained = errors.New("time to drain is over")

// peers turns what all peers of a listener send into events. It is safe for
// concurrent use.
type peers struct {
	s        *Service
	batcher  *bus.Batcher
	observed string
	rejected string
	listener string

	mu     sync.Mutex
	stream *stream.Stream
	work   context.Context // of the call in progress
	buf    []byte
	before stream.Counts
	hour   time.Time // when samples were last allowed
}

func (s *Service) newPeers(listener string, b *bus.Batcher) (*peers, error) {
	zone, _, err := clock.Zone(s.cfg.Timezone)
	if err != nil {
		return nil, err
	}
	p := &peers{s: s, batcher: b, listener: listener, observed: bus.Observed(s.cfg.Sensor), rejected: bus.Rejected(s.cfg.Sensor)}
	p.stream, err = stream.New(stream.Config{Sensor: s.cfg.Sensor, Format: s.cfg.Format, Custom: s.custom, Zone: zone}, p)
	return p, err
}

// take publishes what a peer sent in one message: a line, or several of them. A
// message of more than long bytes is cut. It blocks while the bus is behind, and
// fails only when ctx ends.
func (p *peers) take(ctx context.Context, peer, msg string, long int64) error {
	now := time.Now().UTC()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.work = ctx
	if now.Sub(p.hour) >= time.Hour {
		p.hour = now
		p.stream.Samples(p.s.cfg.Samples)
	}
	err := p.lines(peer, msg, long, now)
	counts := p.stream.Counts()
	p.s.metrics.count(p.before, counts, len(msg))
	p.before = counts
	return err
}

func (p *peers) lines(peer, msg string, long int64, now time.Time) error {
	if long > 0 {
		return p.stream.LongFrom(peer, msg, long, now)
	}
	for line := range strings.SplitSeq(strings.TrimRight(msg, "\r\n\x00"), "\n") {
		if err := p.stream.From(peer, line, now); err != nil {
			return err
		}
	}
	return nil
}

// gap publishes that messages of a peer were not taken.
func (p *peers) gap(ctx context.Context, reason string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.work = ctx
	return p.stream.Gap(reason, "syslog-"+p.listener, time.Now().UTC())
}

// Event publishes an event; see stream.Sink.
func (p *peers) Event(ev *scan.Event) error {
	p.buf = ev.AppendJSON(p.buf[:0])
	_, err := p.batcher.Add(p.work, p.observed, p.buf)
	return err
}

// Rejected publishes a rejected line or a sample; see stream.Sink.
func (p *peers) Rejected(r *scan.Rejected) error {
	p.buf = r.AppendJSON(p.buf[:0])
	_, err := p.batcher.Add(p.work, p.rejected, p.buf)
	return err
}

// origin is what events say of where they came from.
func origin(listener string, peer netip.Addr) string {
	return "syslog-" + listener + ":" + peer.Unmap().WithZone("").String()
}
