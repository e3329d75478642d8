package identity

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
)

// IDs are stored for ever: these never change.
func TestNextGolden(t *testing.T) {
	f := func(sensor, stamp, message string, want ...string) {
		t.Helper()
		s, _ := clock.ISO(stamp)
		m := NewMaker(sensor)
		for i, w := range want {
			if got := m.Next(&s, message).String(); got != w {
				t.Errorf("Next(%s, %s, %q) ordinal %d = %s, want %s", sensor, stamp, message, i, got, w)
			}
		}
	}
	f("home", "", "", "4bd01641108e6cc8")
	f("home", "2012-04-10T18:22:01", "UDP Packet", "675d3de44843f44c", "61cdb6a399f47d9a")
}

func TestNextDiffers(t *testing.T) {
	at := func(s string) *clock.Stamp {
		st, _ := clock.ISO(s)
		return &st
	}
	base := NewMaker("home").Next(at("2012-04-10T18:22:01"), "x")
	m := NewMaker("home")
	if got := m.Next(at("2012-04-10T18:22:01"), "x"); got != base {
		t.Errorf("the same line has IDs %s and %s", got, base)
	}
	for what, got := range map[string]any{
		"sensor":  NewMaker("office").Next(at("2012-04-10T18:22:01"), "x"),
		"second":  NewMaker("home").Next(at("2012-04-10T18:22:02"), "x"),
		"zone":    NewMaker("home").Next(at("2012-04-10T18:22:01Z"), "x"),
		"message": NewMaker("home").Next(at("2012-04-10T18:22:01"), "y"),
		"ordinal": m.Next(at("2012-04-10T18:22:01"), "x"),
	} {
		if got == base {
			t.Errorf("another %s has the same ID", what)
		}
	}
}

// table is compared with a map while neither has thrown anything away.
func TestTable(t *testing.T) {
	var tab table
	want := make(map[uint64]uint32)
	r := rand.New(rand.NewPCG(1, 2))
	for range 500_000 {
		key := r.Uint64N(100_000) * 0x9E3779B97F4A7C15
		if got := tab.count(key); got != want[key] {
			t.Fatalf("count(%x) = %d, want %d", key, got, want[key])
		}
		want[key]++
	}
}

func TestTableGenerations(t *testing.T) {
	var tab table
	tab.count(1)
	for i := range uint64(generation) {
		tab.count(i + 100)
	}
	if got := tab.count(1); got != 1 {
		t.Errorf("count() = %d one generation later, want 1", got)
	}
	for i := range uint64(3 * generation) {
		tab.count(i + 1<<32)
	}
	if got := tab.count(1); got != 0 {
		t.Errorf("count() = %d three generations later, want 0", got)
	}
	if n := len(tab.now.slots) + len(tab.before.slots); n > 4*generation {
		t.Errorf("the table has %d slots, want it bounded", n)
	}
}

func TestFingerprint(t *testing.T) {
	head := make([]byte, 2*HeadSize)
	a := Fingerprint("home", head)
	head[HeadSize] = 1
	if b := Fingerprint("home", head); a != b {
		t.Error("what comes after the head changes the fingerprint")
	}
	head[HeadSize-1] = 1
	if b := Fingerprint("home", head); a == b {
		t.Error("another head has the same fingerprint")
	}
	if Fingerprint("home", []byte("x")) == Fingerprint("office", []byte("x")) {
		t.Error("another sensor has the same fingerprint")
	}
}

func TestAddrs(t *testing.T) {
	var s Addrs
	for range 2 {
		for i := range 300 {
			s.Add(netip.MustParseAddr(fmt.Sprintf("192.0.2.%d", i%100)))
		}
		s.Add(netip.MustParseAddr("2001:db8::1"))
	}
	if s.Len() != 101 {
		t.Errorf("Len() = %d, want 101", s.Len())
	}
}

func BenchmarkNext(b *testing.B) {
	s, _ := clock.ISO("2012-04-10T18:22:01")
	messages := make([]string, 100_000)
	for i := range messages {
		messages[i] = fmt.Sprintf("%0230d", i)
	}
	m := NewMaker("home")
	b.SetBytes(230)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m.Next(&s, messages[i%len(messages)])
	}
}
