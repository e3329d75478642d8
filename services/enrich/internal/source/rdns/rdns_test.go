package rdns

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/whoknocks/whoknocks/services/enrich/internal/source/rdns/rdnstest"
)

func TestConfirmed(t *testing.T) {
	server, _ := rdnstest.Serve(t, rdnstest.Zone{
		"1.2.0.192.in-addr.arpa.": rdnstest.PTR("scan-1.example.org."),
		"scan-1.example.org.":     rdnstest.A("192.0.2.1"),
		// Says that it is somebody who says nothing of it.
		"2.2.0.192.in-addr.arpa.": rdnstest.PTR("scan-1.example.org."),
		// The second name holds.
		"3.2.0.192.in-addr.arpa.": rdnstest.PTR("gone.example.org.", "Scan-3.Example.ORG."),
		"scan-3.example.org.":     rdnstest.A("192.0.2.3"),
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.": rdnstest.PTR("six.example.org."),
		"six.example.org.": rdnstest.A("2001:db8::1"),
		// No name of a host.
		"4.2.0.192.in-addr.arpa.":    rdnstest.PTR("<script>.example.org."),
		"<script>.example.org.":      rdnstest.A("192.0.2.4"),
		"5.2.0.192.in-addr.arpa.":    nil, // never answers
		"6.2.0.192.in-addr.arpa.":    rdnstest.PTR("silent.example.org."),
		"silent.example.org.":        nil,
		"7.2.0.192.in-addr.arpa.":    rdnstest.PTR("a.example.org.", "b.example.org.", "c.example.org.", "d.example.org.", "late.example.org."),
		"late.example.org.":          rdnstest.A("192.0.2.7"), // the fifth name of a liar is not tried
		"113.113.0.203.in-addr.arpa": nil,
	})
	n := New(Config{Server: server, Timeout: 200 * time.Millisecond}, nil)
	f := func(addr, want string) {
		t.Helper()
		got, _ := n.confirmed(t.Context(), netip.MustParseAddr(addr))
		if got != want {
			t.Errorf("name of %s = %q, want %q", addr, got, want)
		}
	}
	f("192.0.2.1", "scan-1.example.org")
	f("192.0.2.2", "")
	f("192.0.2.3", "scan-3.example.org")
	f("2001:db8::1", "six.example.org")
	f("192.0.2.4", "")
	f("192.0.2.5", "")
	f("192.0.2.6", "")
	f("192.0.2.7", "")
	f("192.0.2.200", "")
}

func TestNamesRemember(t *testing.T) {
	server, asked := rdnstest.Serve(t, rdnstest.Zone{
		"1.2.0.192.in-addr.arpa.": rdnstest.PTR("scan-1.example.org."),
		"scan-1.example.org.":     rdnstest.A("192.0.2.1"),
	})
	var mu sync.Mutex
	found := map[string]string{}
	n := New(Config{Server: server, Timeout: time.Second, PerSecond: 1000, Queue: 2}, func(addr netip.Addr, name string) {
		mu.Lock()
		defer mu.Unlock()
		found[addr.String()] = name
	})
	one, two := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	if _, known := n.Get(one); known {
		t.Error("a name is known before anybody was asked")
	}
	for range 100 {
		n.Want(one)
		n.Want(two)
		n.Want(netip.MustParseAddr("192.0.2.3")) // the queue is full
	}
	if n.Pending() != 2 {
		t.Fatalf("%d addresses wait, want 2", n.Pending())
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		n.Run(ctx)
		close(done)
	}()
	for deadline := time.Now().Add(5 * time.Second); n.Pending() > 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	for range 10 {
		n.Want(one)
		n.Want(two)
	}
	if name, known := n.Get(one); name != "scan-1.example.org" || !known {
		t.Errorf("Get(%v) = %q, %t", one, name, known)
	}
	if name, known := n.Get(two); name != "" || !known {
		t.Errorf("Get(%v) = %q, %t: that there is none counts, too", two, name, known)
	}
	cancel()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatal("Run does not end with its context")
	}
	if asked("1.2.0.192.in-addr.arpa.") != 1 || asked("2.2.0.192.in-addr.arpa.") != 1 {
		t.Error("a name was asked for more than once")
	}
	if len(found) != 1 || found["192.0.2.1"] != "scan-1.example.org" {
		t.Errorf("found %v", found)
	}
}
