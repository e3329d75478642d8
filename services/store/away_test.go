package store_test

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"
)

// gate is a way to ClickHouse that can be shut: connections break and new ones
// are refused, as when the server is killed.
type gate struct {
	t      *testing.T
	target string
	addr   string

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]bool
}

// newGate opens a gate to the host of dsn and returns the DSN that leads through.
func newGate(t *testing.T, dsn string) (*gate, string) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{t: t, target: u.Host, addr: "127.0.0.1:0", conns: map[net.Conn]bool{}}
	g.open()
	g.addr = g.listener.Addr().String()
	t.Cleanup(g.shut)
	u.Host = g.addr
	return g, u.String()
}

func (g *gate) open() {
	g.t.Helper()
	l, err := net.Listen("tcp", g.addr)
	if err != nil {
		g.t.Fatal(err)
	}
	g.mu.Lock()
	g.listener = l
	g.mu.Unlock()
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", g.target)
			if err != nil {
				_ = in.Close()
				continue
			}
			g.mu.Lock()
			g.conns[in], g.conns[out] = true, true
			g.mu.Unlock()
			go func() { _, _ = io.Copy(in, out); _ = in.Close() }()
			go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
		}
	}()
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	_ = g.listener.Close()
	for c := range g.conns {
		_ = c.Close()
	}
	clear(g.conns)
}

func TestClickHouseAwayAndBack(t *testing.T) {
	h := newHouse(t)
	g, dsn := newGate(t, h.dsn)
	h.start(dsn)
	h.publishEvents(events(0, 1000), 100)
	h.settled()
	for round := range 3 {
		g.shut()
		h.publishEvents(events(1000+round*1000, 1000), 100)
		deadline := time.Now().Add(patience)
		for h.metric("whoknocks_store_insert_errors_total") < float64(round+1) {
			if time.Now().After(deadline) {
				t.Fatal("no insert failed: the test shows nothing")
			}
			time.Sleep(5 * time.Millisecond)
		}
		g.open()
		h.settled()
		h.want("SELECT count() FROM events", uint64(2000+round*1000))
	}
}

// Inserts that break in the middle are repeated whole.
func TestClickHouseBreaksInTheMiddle(t *testing.T) {
	h := newHouse(t)
	h.cfg.BatchMessages = 5
	g, dsn := newGate(t, h.dsn)
	h.start(dsn)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 20 {
			time.Sleep(20 * time.Millisecond)
			g.shut()
			g.open()
		}
	}()
	h.publishEvents(events(0, 100_000), 1000)
	<-done
	h.settled()
	h.want("SELECT count() FROM events", 100_000)
}

// A stop does not wait for a ClickHouse that is away.
func TestStopWhileAway(t *testing.T) {
	h := newHouse(t)
	g, dsn := newGate(t, h.dsn)
	stop := h.start(dsn)
	g.shut()
	h.publishEvents(events(0, 1000), 100)
	for h.metric("whoknocks_store_insert_errors_total") == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	if took := stop(); took > 3*time.Second {
		t.Errorf("the stop took %s", took)
	}
	g.open()
	h.start(dsn)
	h.settled()
	h.want("SELECT count() FROM events", 1000)
}
