package enrich

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/scan"
)

// The date of the IP data in tests.
var dataDate = time.Date(2026, 6, 17, 0, 0, 0, 0, time.UTC)

const testASN = `192.0.2.0,192.0.2.255,64496,"Example Telecom, Inc."
198.51.100.0,198.51.100.255,64497,Example Cloud GmbH
203.0.113.0,203.0.113.127,64498,
2001:db8::,2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,64496,"Example Telecom, Inc."
`

const testCountry = `192.0.2.0,192.0.2.255,SE
198.51.100.0,198.51.100.255,DE
203.0.113.0,203.0.113.255,JP
`

const testRules = `version: 1
owners:
  - name: Example CDN
    valid_from: 2012-01-01
    valid_until: 2013-01-01
    prefixes:
      - {prefix: 198.51.100.0/25, country: JP, carrier: Old Carrier, registrant: "Example CDN, Inc.", netname: EX-CDN}
  - name: Mine
    prefixes: [198.51.100.128/25]
  - name: Example CDN
    names: ["Example CDN*", "EXCDN-*"]
  - name: Big Telecom
    names: ["Example Telecom*"]
  - name: Numbered
    asns: [64498]
`

const testResearch = `version: 1
owners:
  - name: Example Census
    valid_from: 2020-01-01
    prefixes: [203.0.113.64/29]
    names: ["Example Research*"]
`

func write(t testing.TB, name, body string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, dataDate, dataDate); err != nil {
		t.Fatal(err)
	}
	return file
}

// testConfig uses small files and asks nobody.
func testConfig(t testing.TB) Config {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Rules = []string{write(t, "owners.yaml", testRules), None}
	cfg.Research = []string{write(t, "research.yaml", testResearch), None}
	cfg.ASN = []string{write(t, "asn.csv", testASN)}
	cfg.Country = []string{write(t, "country.csv", testCountry)}
	cfg.WHOIS.Enabled, cfg.Ask = false, []string{wayWHOIS}
	return cfg
}

func newService(t testing.TB, cfg Config, b *bus.Bus) (*Service, *prometheus.Registry) {
	t.Helper()
	reg := prometheus.NewRegistry()
	s, err := New(cfg, b, nil, reg)
	if err != nil {
		t.Fatal(err)
	}
	return s, reg
}

// run runs a service until the test ends or stop is called.
func run(t *testing.T, s *Service) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Run() = %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("Run() does not end with its context")
		}
	})
	t.Cleanup(stop)
	return stop
}

// event is a knock from src at noon of a day.
func event(src, day string) scan.Event {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		panic(err)
	}
	at = at.Add(12*time.Hour + 345*time.Millisecond)
	a := netip.MustParseAddr(src)
	b := a.As16()
	return scan.Event{
		ID: scan.ID(uint64(b[12])<<24 | uint64(b[13])<<16 | uint64(b[14])<<8 | uint64(b[15]) | 1<<40), Time: at, TimeBasis: scan.TimeGiven,
		Received: at.Add(time.Hour), Sensor: "home", Format: "netfilter", Verdict: scan.VerdictDrop, Direction: scan.DirectionIn,
		Proto: "tcp", SrcIP: a, SrcPort: scan.Some(uint16(50000)), DstIP: netip.MustParseAddr("203.0.113.200"), DstPort: scan.Some(uint16(22)),
		TCPFlags: scan.Some(scan.SYN), Packets: 1, Line: "a line", Origin: "test",
	}
}

// batchOf encodes events as one message.
func batchOf(events ...scan.Event) []byte {
	var data []byte
	for i := range events {
		data = append(events[i].AppendJSON(data), '\n')
	}
	return data
}

// reader collects what a stream holds.
type reader struct {
	mu    sync.Mutex
	lines []string
	more  chan struct{}
}

func read(t *testing.T, b *bus.Bus, stream string) *reader {
	t.Helper()
	r := &reader{more: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = b.Subscribe(ctx, bus.Subscription{Stream: stream, Durable: "test-" + strings.ToLower(stream)}, func(_ context.Context, m *bus.Message) error {
			r.mu.Lock()
			for line := range scan.Lines(m.Data) {
				r.lines = append(r.lines, string(line))
			}
			r.mu.Unlock()
			select {
			case r.more <- struct{}{}:
			default:
			}
			return nil
		})
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return r
}

// wait returns the first n lines once they are there.
func (r *reader) wait(t *testing.T, n int) []string {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		r.mu.Lock()
		lines := append([]string(nil), r.lines...)
		r.mu.Unlock()
		if len(lines) >= n {
			return lines
		}
		select {
		case <-r.more:
		case <-deadline:
			t.Fatalf("%d lines came, want %d", len(lines), n)
		}
	}
}

func (r *reader) enriched(t *testing.T, n int) map[string]scan.Enriched {
	t.Helper()
	var d scan.Decoder
	out := map[string]scan.Enriched{}
	for _, line := range r.wait(t, n) {
		var e scan.Enriched
		if err := d.Enriched([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		out[e.SrcIP.String()] = e
	}
	return out
}

func publish(t *testing.T, b *bus.Bus, data []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := b.Publish(ctx, bus.Observed("home"), data); err != nil {
		t.Fatal(err)
	}
}

// value reads a counter or gauge; labels are "name=value".
func value(t *testing.T, reg *prometheus.Registry, name string, labels ...string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	metric:
		for _, m := range f.GetMetric() {
			for _, want := range labels {
				found := false
				for _, l := range m.GetLabel() {
					found = found || fmt.Sprintf("%s=%s", l.GetName(), l.GetValue()) == want
				}
				if !found {
					continue metric
				}
			}
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return -1
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
