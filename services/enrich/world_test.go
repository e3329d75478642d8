package enrich

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/natsd/natstest"
	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois/whoistest"
)

// startRegistry runs a WHOIS server in which every /48 of 2001:db8::/32 is somebody's.
func startRegistry(t *testing.T) *whoistest.Server {
	t.Helper()
	return whoistest.Serve(t, func(c net.Conn, question string) {
		block, err := blockOf(question)
		if err != nil {
			t.Errorf("asked for %q", question)
			return
		}
		name := strings.ReplaceAll(block.Addr().String(), ":", "")
		_, _ = fmt.Fprintf(c, "%% This is the RIPE Database query service.\n\ninet6num: %s\nnetname: NET-%s\ndescr: Owner %s Ltd\ncountry: NL\nstatus: ASSIGNED PI\nsource: RIPE\n", block, name, name)
	})
}

// blockOf is the block that a question is about.
func blockOf(question string) (netip.Prefix, error) {
	addr, err := netip.ParseAddr(strings.TrimPrefix(strings.TrimSpace(question), "-r "))
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(addr, 48).Masked(), nil
}

// A million events of 20,000 sources in 3,000 blocks cost no more than one question
// for each block that needs one, and the limits are kept, though four services
// work at once; and once the answers are there, a start costs none.
func TestWorld(t *testing.T) {
	const events, sources, blocks, ruled, replicas, interval = 1_000_000, 20_000, 3_000, 200, 4, 2 * time.Millisecond
	reg := startRegistry(t)
	srv := natstest.Start(t)
	cfg := testConfig(t)
	// The first blocks are the user's to name.
	cfg.Rules = []string{write(t, "owners.yaml", "version: 1\nowners:\n  - name: Mine\n    prefixes: ["+ruledBlocks(ruled)+"]\n"), None}
	cfg.WHOIS.Enabled, cfg.WHOIS.Interval, cfg.WHOIS.PerDay, cfg.WHOIS.Queue = true, interval, 10*blocks, sources
	cfg.WHOIS.Servers = map[string]string{}
	for _, r := range whois.Registries() {
		cfg.WHOIS.Servers[r] = ""
	}
	cfg.WHOIS.Servers["ripe"] = reg.Addr

	var stops []func()
	services := make([]*Service, replicas)
	for i := range services {
		services[i], _ = newService(t, cfg, natstest.Connect(t, srv))
		stops = append(stops, run(t, services[i]))
	}
	b := natstest.Connect(t, srv)
	began := time.Now()
	batch := make([]scan.Event, 0, 1000)
	for i := range events {
		source := i % sources
		ev := event("192.0.2.1", "2026-07-01")
		ev.ID = scan.ID(i + 1)
		ev.SrcIP = worldAddr(source%blocks, source/blocks)
		if batch = append(batch, ev); len(batch) == cap(batch) {
			publish(t, b, batchOf(batch...))
			batch = batch[:0]
		}
	}
	limit := time.Now().Add(2 * time.Minute)
	waiting := func() (n int) {
		for _, s := range services {
			n += s.pending()
		}
		return n
	}
	for {
		floor, err := b.AckFloor(t.Context(), bus.StreamObserved, Durable)
		if err != nil {
			t.Fatal(err)
		}
		if floor >= events/1000 && waiting() == 0 {
			break
		}
		if time.Now().After(limit) {
			t.Fatalf("after 2 minutes %d messages are done and %d addresses wait", floor, waiting())
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Logf("%d events and %d questions took %v", events, len(reg.Questions()), time.Since(began).Round(time.Millisecond))
	checkPolite(t, reg, blocks-ruled, interval)
	for _, stop := range stops {
		stop()
	}

	// A service that starts anew knows it all.
	s, _ := newService(t, cfg, natstest.Connect(t, srv))
	run(t, s)
	last := event("192.0.2.1", "2026-07-02")
	last.ID, last.SrcIP = events+1, worldAddr(blocks-1, 7000)
	eventually(t, "the answers to be loaded", func() bool {
		return s.Explain(t.Context(), &last).OwnerBasis == scan.BasisWHOIS
	})
	publish(t, b, batchOf(last))
	eventually(t, "the last event", func() bool {
		floor, err := b.AckFloor(t.Context(), bus.StreamObserved, Durable)
		return err == nil && floor == events/1000+1 && s.pending() == 0
	})
	checkPolite(t, reg, blocks-ruled, interval)
}

// checkPolite holds the questions to one a block, one at a time, an interval apart.
func checkPolite(t *testing.T, r *whoistest.Server, blocks int, interval time.Duration) {
	t.Helper()
	asked := map[netip.Prefix]int{}
	for _, question := range r.Questions() {
		block, _ := blockOf(question)
		if asked[block]++; asked[block] == 2 {
			t.Errorf("%s was asked about twice", block)
		}
	}
	if len(asked) != blocks {
		t.Errorf("%d blocks were asked about, want %d", len(asked), blocks)
	}
	if n := r.Most.Load(); n != 1 {
		t.Errorf("%d questions at the same time", n)
	}
	times := r.Times()
	for i := 1; i < len(times); i++ {
		if gap := times[i].Sub(times[i-1]); gap < interval {
			t.Errorf("question %d came %v after the one before, want %v", i, gap, interval)
		}
	}
}

func worldAddr(block, host int) netip.Addr {
	return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, byte(block >> 8), byte(block), 0, 1, 14: byte(host >> 8), 15: byte(host)})
}

func ruledBlocks(n int) string {
	var list []string
	for i := range n {
		list = append(list, netip.PrefixFrom(worldAddr(i, 0), 48).Masked().String())
	}
	return strings.Join(list, ", ")
}
