package whois

import (
	"context"
	"net/netip"
	"testing"
	"time"
)

func queued(addr string) *task { return &task{addr: netip.MustParseAddr(addr)} }

func TestQueueMostSeenFirst(t *testing.T) {
	var seen sightings
	q := newQueue(3, &seen)
	a, b, c := queued("192.0.2.1"), queued("198.51.100.1"), queued("2001:db8:1::1")
	for _, x := range []struct {
		t *task
		n uint32
	}{{a, 1}, {b, 5}, {c, 5}} {
		seen.add(x.t.addr, x.n)
		if out := q.push(x.t); out != nil {
			t.Fatalf("%v made room in a queue that has some", out.addr)
		}
	}
	// Full: what is seen no more than the rest has no place, what is seen more takes one.
	if out := q.push(queued("203.0.113.1")); out == nil || out.addr != netip.MustParseAddr("203.0.113.1") {
		t.Errorf("an unseen network displaced %v", out)
	}
	d := queued("203.0.113.9")
	seen.add(netip.MustParseAddr("203.0.113.200"), 3) // of the same network
	if out := q.push(d); out != a {
		t.Errorf("%v made room, want the network that is seen least", out)
	}
	for i, want := range []*task{b, c, d} { // equal ones in their order
		if got := q.take(); got != want {
			t.Errorf("task %d is %v, want %v", i+1, got.addr, want.addr)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	if got := q.pop(ctx); got != nil {
		t.Errorf("pop() of an empty queue = %v", got.addr)
	}
}

func TestSightingsAreBounded(t *testing.T) {
	var seen sightings
	often := netip.MustParseAddr("198.51.100.1")
	seen.add(often, 1<<20)
	for i := range 2 * maxSightings {
		seen.add(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, byte(i >> 16), byte(i >> 8), byte(i), 15: 1}), 1)
		if len(seen.n) > maxSightings {
			t.Fatalf("%d networks are remembered", len(seen.n))
		}
	}
	if seen.of(often) == 0 {
		t.Error("the network that is seen most was forgotten")
	}
}
