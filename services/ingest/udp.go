package ingest

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/whoknocks/whoknocks/services/ingest/internal/syslog"
)

// dropsEvery is how often the kernel is asked for datagrams it threw away.
const dropsEvery = 10 * time.Second

// serveUDP takes datagrams until ctx ends. While the bus is behind it does not
// read, and the kernel's buffer fills: what does not fit is lost, and counted.
func (s *Service) serveUDP(ctx, work context.Context, p *peers) error {
	stop := context.AfterFunc(ctx, func() { _ = s.udp.SetReadDeadline(time.Now()) })
	defer stop()
	defer s.udp.Close()
	messages := s.metrics.messages.WithLabelValues("udp")
	buf := make([]byte, syslog.MaxMessage)
	var last netip.Addr
	var from string
	for {
		var n int
		var addr netip.AddrPort
		err := untilSilent(ctx, s.udp, func() (err error) {
			n, addr, err = s.udp.ReadFromUDPAddrPort(buf)
			return err
		})
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("take syslog over UDP: %w", err)
		}
		if addr.Addr() != last {
			last, from = addr.Addr(), origin("udp", addr.Addr())
		}
		messages.Inc()
		if err := p.take(work, from, string(buf[:n]), 0); err != nil {
			return fmt.Errorf("publish what came over UDP: %w", err)
		}
	}
}

// watchDrops shows what the kernel threw away.
func (s *Service) watchDrops(ctx context.Context) {
	addr := s.udp.LocalAddr().(*net.UDPAddr).AddrPort()
	tick := time.NewTicker(dropsEvery)
	defer tick.Stop()
	var before uint64
	for {
		now, err := syslog.Drops(addr)
		if err != nil {
			s.log.Info("lost datagrams cannot be counted", "error", err)
			return
		}
		if now > before {
			s.metrics.dropped.Add(float64(now - before))
			s.log.Warn("syslog datagrams were lost", "count", now-before, "address", addr.String())
		}
		before = now
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
