package ingest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

// serving runs a world's listeners until the test, or stop, ends them.
func serving(t *testing.T, change ...func(*Config)) (w *world, stop func()) {
	t.Helper()
	w = newWorld(t, func(c *Config) {
		c.SyslogUDP, c.SyslogTCP = "127.0.0.1:0", "127.0.0.1:0"
		for _, f := range change {
			f(c)
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	stopped := false
	stop = func() {
		t.Helper()
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run() = %v", err)
		}
	}
	t.Cleanup(stop)
	select {
	case <-w.Ready():
	case err := <-done:
		t.Fatal(err)
	}
	return w, stop
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

func line(i int) string {
	return fmt.Sprintf("<4>%s gw kernel: DROP IN=ppp0 OUT= MAC= SRC=192.0.2.%d DST=198.51.100.9 LEN=20 PROTO=2", time.Now().UTC().Format(time.Stamp), i%200+1)
}

func dial(t *testing.T, network, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestSyslog(t *testing.T) {
	w, _ := serving(t)
	udp, tcp := w.SyslogAddrs()
	u, c := dial(t, "udp", udp), dial(t, "tcp", tcp)
	fmt.Fprintf(u, "%s\n%s\x00", line(1), line(1)) // two equal lines in one second
	fmt.Fprintf(c, "%s\n%d %s", line(1), len(line(2)), line(2))
	eventually(t, "four events", func() bool { n, _ := w.tables.count(); return n >= 3 })
	fmt.Fprintf(c, "%s\n", strings.Replace(line(3), "192.0.2.4", "x.x.2.4", 1))
	fmt.Fprintf(c, "<4>hello\n")
	fmt.Fprintf(c, "%s\n", strings.Repeat("y", 1<<20))
	eventually(t, "three lines that are no events", func() bool {
		w.tables.mu.Lock()
		defer w.tables.mu.Unlock()
		return len(w.tables.rejected) == 3
	})
	w.tables.mu.Lock()
	defer w.tables.mu.Unlock()
	for _, ev := range w.tables.events {
		if !strings.HasPrefix(ev.Origin, "syslog-") || !strings.HasSuffix(ev.Origin, ":127.0.0.1") || ev.TimeBasis != scan.TimeYearInferred || time.Since(ev.Time).Abs() > time.Minute {
			t.Errorf("event %s", ev.AppendJSON(nil))
		}
	}
	if n := testutil.ToFloat64(w.metrics.messages.WithLabelValues("tcp")); n != 5 {
		t.Errorf("metric of TCP messages = %v, want 5", n)
	}
	if n := testutil.ToFloat64(w.metrics.connections); n != 1 {
		t.Errorf("metric of connections = %v, want 1", n)
	}
}

// What was received before the service is stopped is on the bus when Run returns.
func TestSyslogDrains(t *testing.T) {
	w, stop := serving(t, func(c *Config) { c.Linger = time.Hour })
	_, tcp := w.SyslogAddrs()
	c := dial(t, "tcp", tcp)
	eventually(t, "the connection", func() bool { return testutil.ToFloat64(w.metrics.connections) == 1 })
	const n = 3000
	for i := range n {
		fmt.Fprintf(c, "%s\n", line(i))
	}
	stop()
	eventually(t, "all events", func() bool { _, came := w.tables.count(); return came == n })
	if _, err := net.Dial("tcp", tcp); err == nil {
		t.Error("a stopped service takes connections")
	}
}

func TestSyslogTooManyConnections(t *testing.T) {
	w, _ := serving(t, func(c *Config) { c.MaxConnections = 1 })
	_, tcp := w.SyslogAddrs()
	first := dial(t, "tcp", tcp)
	eventually(t, "the first connection", func() bool { return testutil.ToFloat64(w.metrics.connections) == 1 })
	second := dial(t, "tcp", tcp)
	if _, err := second.Read(make([]byte, 1)); err == nil {
		t.Error("a connection too many is not closed")
	}
	first.Close()
	eventually(t, "the end of the first connection", func() bool { return testutil.ToFloat64(w.metrics.connections) == 0 })
	if n := testutil.ToFloat64(w.metrics.refused); n != 1 {
		t.Errorf("metric of refused connections = %v, want 1", n)
	}
}

// A bus that goes away and comes back loses nothing of what comes over TCP.
func TestSyslogBusAway(t *testing.T) {
	w, _ := serving(t, func(c *Config) { c.BatchEvents, c.InFlight = 10, 2 })
	_, tcp := w.SyslogAddrs()
	c := dial(t, "tcp", tcp)
	const n = 2000
	send := func(from, to int) {
		t.Helper()
		for i := from; i < to; i++ {
			if _, err := fmt.Fprintf(c, "%s\n", line(i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	send(0, n/2)
	start := w.stopBus(t)
	send(n/2, n) // into the buffers of the kernel and the batcher
	start()
	eventually(t, "all events", func() bool { different, _ := w.tables.count(); return different == n })
}

func TestRunAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	w := newWorld(t, func(c *Config) { c.SyslogUDP, c.SyslogTCP = "127.0.0.1:0", l.Addr().String() })
	if err := w.Run(t.Context()); err == nil || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("Run() = %v, want the address in use", err)
	}
}

func TestRunWithoutListeners(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	<-w.Ready()
	if udp, tcp := w.SyslogAddrs(); udp != "" || tcp != "" {
		t.Errorf("SyslogAddrs() = %q, %q, want none", udp, tcp)
	}
	cancel()
	if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("Run() = %v", err)
	}
}

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("Validate() of the defaults = %v", err)
	}
	f := func(want string, change func(*Config)) {
		t.Helper()
		c := DefaultConfig()
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate() = %v, want %q", err, want)
		}
	}
	f("ingest sensor", func(c *Config) { c.Sensor = "a.b" })
	f("ingest format", func(c *Config) { c.Format = "x" })
	f("ingest timezone", func(c *Config) { c.Timezone = "x" })
	f("ingest syslog_udp", func(c *Config) { c.SyslogUDP = "localhost" })
	f("ingest batch_events is 1001, want 1 to 1000", func(c *Config) { c.BatchEvents = 1001 })
	f("ingest stall is 0s", func(c *Config) { c.Stall = 0 })
	f("ingest samples", func(c *Config) { c.Samples = -1 })
	if _, err := New(DefaultConfig(), nil, nil, nil); err == nil {
		t.Error("New() without a bus is accepted")
	}
}
