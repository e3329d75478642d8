package ingest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/whoknocks/whoknocks/pkg/bus"
	"github.com/whoknocks/whoknocks/pkg/natsd"
	"github.com/whoknocks/whoknocks/pkg/natsd/natstest"
	"github.com/whoknocks/whoknocks/pkg/scan"
)

// tables stands for enrich and store: it takes everything off the bus and keeps
// it by ID, as the tables do.
type tables struct {
	mu       sync.Mutex
	events   map[scan.ID]scan.Event
	rejected map[scan.ID]scan.Rejected
	seen     int // events that came, repeats included
}

func readBus(t testing.TB, b *bus.Bus) *tables {
	t.Helper()
	tab := &tables{events: make(map[scan.ID]scan.Event), rejected: make(map[scan.ID]scan.Rejected)}
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	t.Cleanup(func() { cancel(); group.Wait() })
	start := func(stream, durable string, f func(context.Context, []*bus.Message) error) {
		group.Go(func() {
			if err := b.SubscribeBatch(ctx, bus.Subscription{Stream: stream, Durable: durable, MaxAge: time.Millisecond, Drain: time.Millisecond, AckWait: time.Second}, f); err != nil {
				t.Errorf("%s: %v", durable, err)
			}
		})
	}
	start(bus.StreamObserved, durableEnrich, func(ctx context.Context, ms []*bus.Message) error {
		for _, m := range ms { // what enrich would add does not matter here
			if _, err := b.Publish(ctx, bus.Enriched(m.Sensor), m.Data); err != nil {
				return err
			}
		}
		return nil
	})
	start(bus.StreamEnriched, durableStore, func(_ context.Context, ms []*bus.Message) error {
		tab.mu.Lock()
		defer tab.mu.Unlock()
		var dec scan.Decoder
		for _, m := range ms {
			for line := range scan.Lines(m.Data) {
				var ev scan.Event
				if err := dec.Event(line, &ev); err != nil {
					return fmt.Errorf("%w: %w", bus.ErrDead, err)
				}
				if err := ev.Validate(); err != nil {
					t.Errorf("an event that enrich would reject: %v: %s", err, line)
				}
				if old, ok := tab.events[ev.ID]; ok && (old.Time != ev.Time || old.SrcIP != ev.SrcIP) {
					t.Errorf("event %s comes with another key: %s %s, then %s %s", ev.ID, old.SrcIP, old.Time, ev.SrcIP, ev.Time)
				}
				tab.events[ev.ID] = ev
				tab.seen++
			}
		}
		return nil
	})
	start(bus.StreamRejected, durableRejected, func(_ context.Context, ms []*bus.Message) error {
		tab.mu.Lock()
		defer tab.mu.Unlock()
		var dec scan.Decoder
		for _, m := range ms {
			for line := range scan.Lines(m.Data) {
				var r scan.Rejected
				if err := dec.Rejected(line, &r); err != nil {
					return fmt.Errorf("%w: %w", bus.ErrDead, err)
				}
				tab.rejected[r.ID] = r
			}
		}
		return nil
	})
	return tab
}

// count returns how many different events there are, and how many came.
func (tab *tables) count() (different, came int) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	return len(tab.events), tab.seen
}

// ids returns the IDs of all events.
func (tab *tables) ids() map[scan.ID]bool {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	out := make(map[scan.ID]bool)
	for id := range tab.events {
		out[id] = true
	}
	return out
}

// world is a server, its tables and a service.
type world struct {
	*Service
	tables *tables
	server *natsd.Server
	nats   natsd.Config
	reg    *prometheus.Registry
	dir    string
}

type busConfig = bus.Config

func newWorld(t testing.TB, change ...func(*Config)) *world {
	t.Helper()
	w := newWorldWithout(t, func(c *Config) {
		for _, f := range change {
			f(c)
		}
	})
	w.tables = readBus(t, w.bus)
	return w
}

// newWorldWithout is a world in which nobody takes events off the bus.
func newWorldWithout(t testing.TB, change func(*Config), changeBus ...func(*busConfig)) *world {
	t.Helper()
	nats := natstest.Config(t)
	srv := natstest.StartWith(t, nats)
	b := natstest.Connect(t, srv, changeBus...)
	cfg := DefaultConfig()
	cfg.Timezone, cfg.Linger, cfg.Stall = "UTC", 5*time.Millisecond, 20*time.Second
	change(&cfg)
	reg := prometheus.NewPedanticRegistry()
	s, err := New(cfg, b, nil, reg)
	if err != nil {
		t.Fatal(err)
	}
	return &world{Service: s, server: srv, nats: nats, reg: reg, dir: t.TempDir()}
}

// stopBus takes the server away; the function it returns brings it back.
func (w *world) stopBus(t testing.TB) (start func()) {
	t.Helper()
	u, err := url.Parse(w.server.URL())
	if err != nil {
		t.Fatal(err)
	}
	w.server.Shutdown()
	return func() {
		t.Helper()
		if w.nats.Port, err = strconv.Atoi(u.Port()); err != nil {
			t.Fatal(err)
		}
		w.server = natstest.StartWith(t, w.nats)
	}
}

// file writes a file dated 2012-05-01.
func (w *world) file(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2012, 5, 1, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
	return path
}

func (w *world) imports(t testing.TB, opts ImportOptions) Summary {
	t.Helper()
	sum, err := w.Import(context.Background(), opts)
	if err != nil {
		t.Fatalf("Import(%v) error = %v", opts.Files, err)
	}
	if sum.Lines != sum.Events+sum.Unrecognised+sum.Rejected {
		t.Errorf("Import(%v) = %+v does not add up", opts.Files, sum)
	}
	return sum
}

// attempts makes n lines of an ADSL router, some equal, some chatter.
func attempts(n int) []byte {
	var b strings.Builder
	for i := range n {
		at := time.Date(2012, 4, 10, 0, 0, i/4, 0, time.UTC).Format("Mon, 2006-01-02 15:04:05")
		switch {
		case i%50 == 49:
			fmt.Fprintf(&b, "%s - Send out NTP request to time.example.net\n", at)
		case i%97 == 96:
			fmt.Fprintf(&b, "%s - UDP Packet - Source:x.x.2.7,1 Destination:198.51.100.9,1033 - [DOS]\n", at)
		default:
			fmt.Fprintf(&b, "%s - UDP Packet - Source:192.0.2.%d,3478 Destination:198.51.100.9,1033 - [DOS]\n", at, i/2%200+1)
		}
	}
	return []byte(b.String())
}
