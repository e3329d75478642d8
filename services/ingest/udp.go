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
		sender := last.Unmap().WithZone("")
		if !s.gate.admits(sender) {
			s.metrics.notAllowed.WithLabelValues("udp").Inc()
			continue
		}
		messages.Inc()
		if !s.gate.take(sender, time.Now()) {
			s.metrics.limited.Inc()
			continue
		}
		if err := p.take(work, from, string(buf[:n]), 0); err != nil {
			return fmt.Errorf("publish what came over UDP: %w", err)
		}
	}
}

// watchDrops tells what the kernel threw away and what exceeded the rate of its
// sender: as metrics, in the log, and as gaps among the events.
func (s *Service) watchDrops(ctx, work context.Context, p *peers) error {
	addr := s.udp.LocalAddr().(*net.UDPAddr).AddrPort()
	tick := time.NewTicker(dropsEvery)
	defer tick.Stop()
	counted := true
	for before, more := uint64(0), true; more; {
		select {
		case <-ctx.Done():
			more = false // once more, for the last ones
		case <-tick.C:
		}
		now, err := syslog.Drops(addr)
		if err != nil && counted && more {
			s.log.Info("lost datagrams cannot be counted", "error", err)
			counted = false
		}
		if err == nil && now > before {
			s.metrics.dropped.Add(float64(now - before))
			s.log.Warn("syslog datagrams were lost", "count", now-before, "address", addr.String())
			if err := p.gap(work, fmt.Sprintf("the kernel threw away %d datagrams", now-before)); err != nil {
				return fmt.Errorf("publish what was lost over UDP: %w", err)
			}
			before = now
		}
		for sender, n := range s.gate.untaken() {
			from := "many senders"
			if sender.IsValid() {
				from = sender.String()
			}
			s.log.Warn("syslog messages exceed the rate", "sender", from, "count", n)
			if err := p.gap(work, fmt.Sprintf("%d messages of %s exceeded the rate that is taken", n, from)); err != nil {
				return fmt.Errorf("publish what was not taken over UDP: %w", err)
			}
		}
	}
	return nil
}
