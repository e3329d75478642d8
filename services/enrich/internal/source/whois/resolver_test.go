package whois

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois/reply"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois/whoistest"
)

// answers collects what a resolver delivers.
type answers struct {
	mu  sync.Mutex
	got map[string]Answer // by address
	ch  chan struct{}

	holder reply.Registry
}

func (a *answers) Deliver(_ context.Context, addr netip.Addr, ans Answer) uint64 {
	a.mu.Lock()
	a.got[addr.String()] = ans
	a.mu.Unlock()
	a.ch <- struct{}{}
	return 0
}

func (a *answers) CaughtUp(context.Context, uint64) {}

func (a *answers) Holder(netip.Addr) reply.Registry { return a.holder }

func (a *answers) Known(addr netip.Addr) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, ans := range a.got {
		if b := ans.Block(); b.Contains(addr) {
			return true
		}
	}
	return false
}

// start runs a resolver until the test ends.
func start(t *testing.T, cfg Config) (*Resolver, *answers) {
	t.Helper()
	return startWith(t, NewClient(cfg, nil, nil))
}

func startWith(t *testing.T, clients ...*Client) (*Resolver, *answers) {
	t.Helper()
	a := &answers{got: map[string]Answer{}, ch: make(chan struct{}, 100)}
	r := NewResolver(100, time.Minute, a, clients...)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		r.Run(ctx)
		close(done)
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			t.Error("Run does not end with its context")
		}
	})
	return r, a
}

// want asks for addresses, one after the other, and waits for their answers.
func want(t *testing.T, r *Resolver, a *answers, addrs ...string) {
	t.Helper()
	for _, s := range addrs {
		if !r.Want(netip.MustParseAddr(s), 1) {
			t.Fatalf("Want(%s) = false", s)
		}
		select {
		case <-a.ch:
		case <-time.After(5 * time.Second):
			t.Fatalf("no answer for %s", s)
		}
	}
}

func TestResolverFollowsTheRegistries(t *testing.T) {
	arin := whoistest.Text(t, fixture(t, "arin-placeholder.txt"))
	ripe := whoistest.Text(t, fixture(t, "ripe-cache-in-carrier.txt"))
	r, a := start(t, quick(map[string]*whoistest.Server{"arin": arin, "ripe": ripe}))
	want(t, r, a, "192.0.2.9")
	got := a.got["192.0.2.9"]
	if got.Asked.IsZero() || time.Since(got.Asked) > time.Minute {
		t.Errorf("asked at %v", got.Asked)
	}
	got.Asked = time.Time{}
	wantAnswer := Answer{First: netip.MustParseAddr("192.0.2.0"), Last: netip.MustParseAddr("192.0.2.255"), Network: "192.0.2.0/24",
		Registrant: "EXAMPLE-CDN", Netname: "EXAMPLE-CDN", Route: "Example Telecom", Abuse: "abuse@example.net", Registry: "ripe"}
	if diff := cmp.Diff(wantAnswer, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("answer mismatch (-want +got)\n%s", diff)
	}
	// The /8 was delegated: the next address there goes to RIPE NCC at once.
	want(t, r, a, "192.0.3.1")
	if n := len(arin.Questions()); n != 1 {
		t.Errorf("ARIN was asked %d times, want once", n)
	}
}

func TestResolverOneAnswerServesABlock(t *testing.T) {
	ready := make(chan struct{})
	srv := whoistest.Serve(t, func(c net.Conn, _ string) {
		<-ready
		_, _ = c.Write([]byte(fixture(t, "arin-child-first.txt")))
	})
	r, a := start(t, quick(map[string]*whoistest.Server{"arin": srv}))
	for i := range 20 { // a leaf of 64 addresses
		r.Want(netip.AddrFrom4([4]byte{198, 51, 100, byte(64 + i)}), 1)
		r.Want(netip.AddrFrom4([4]byte{198, 51, 100, byte(64 + i)}), 1)
	}
	if n := r.Pending(); n != 20 {
		t.Errorf("Pending() = %d, want 20", n)
	}
	close(ready)
	for deadline := time.Now().Add(5 * time.Second); r.Pending() > 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if n := len(srv.Questions()); n != 1 {
		t.Errorf("%d questions for one block, want one", n)
	}
	<-a.ch
	// Beside the leaf, in the carrier's own space: an answer for that address alone.
	want(t, r, a, "198.51.100.200")
	if b := a.got["198.51.100.200"].Block(); b.String() != "198.51.100.200/32" {
		t.Errorf("a block that may have smaller ones answers for %v", b)
	}
}

func TestResolverEnds(t *testing.T) {
	notMine := fixture(t, "ripe-not-managed.txt")
	f := func(name string, cfg Config, addr string, wantAnswer Answer) {
		t.Helper()
		r, a := start(t, cfg)
		want(t, r, a, addr)
		got := a.got[addr]
		got.Asked = time.Time{}
		if diff := cmp.Diff(wantAnswer, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("%s: answer mismatch (-want +got)\n%s", name, diff)
		}
	}
	one := netip.MustParseAddr("192.0.2.9")
	none := Answer{First: one, Last: one, None: true, Registry: "ripe"}
	f("nobody's", quick(map[string]*whoistest.Server{"arin": whoistest.Text(t, fixture(t, "arin-placeholder.txt")), "ripe": whoistest.Text(t, notMine)}), "192.0.2.9", none)
	f("referred in a circle", quick(map[string]*whoistest.Server{"arin": whoistest.Text(t, fixture(t, "arin-placeholder.txt")), "ripe": whoistest.Text(t, strings.ReplaceAll(
		strings.ReplaceAll(fixture(t, "apnic-transferred.txt"), "203.0.113.", "192.0.2."), "descr:", "descr: "))}), "192.0.2.9", none)

	// Early registrations: APNIC's answer counts if nobody has a better one.
	a51 := netip.MustParseAddr("198.51.100.1")
	f("early registration", quick(map[string]*whoistest.Server{"apnic": whoistest.Text(t, fixture(t, "apnic-erx.txt")), "afrinic": whoistest.Text(t, "%ERROR:101: no entries found\n")}), "198.51.100.1",
		Answer{First: a51, Last: a51, Network: "198.51.0.0/16", Registrant: "Early registration addresses", Netname: "ERX-NETBLOCK", Country: "AU", Registry: "apnic"})

	// LACNIC is not asked: nothing is known, and it is known why.
	lacnic := strings.NewReplacer("RIPE NCC", "LACNIC", "(RIPE)", "(LACNIC)", "OrgId:          RIPE", "OrgId:          LACNIC").Replace(fixture(t, "arin-placeholder.txt"))
	f("held by one that is not asked", quick(map[string]*whoistest.Server{"arin": whoistest.Text(t, lacnic)}), "192.0.2.9", Answer{First: one, Last: one, None: true, Registry: "lacnic"})

	// A reply that makes no sense, or never ends, is no reason to ask again.
	f("garbage", quick(map[string]*whoistest.Server{"arin": whoistest.Text(t, "\x00\xff\x1b[2J garbage")}), "192.0.2.9", Answer{First: one, Last: one, None: true, Registry: "arin"})
	f("too large", quick(map[string]*whoistest.Server{"arin": whoistest.Text(t, strings.Repeat("x\n", maxReply))}), "192.0.2.9", Answer{First: one, Last: one, None: true, Registry: "arin"})

	six := netip.MustParseAddr("2001:db8:7:7::")
	f("IPv6", quick(map[string]*whoistest.Server{"arin": whoistest.Text(t, "No match found for n + 2001:db8:7:7::.\n")}), "2001:db8:7:7::",
		Answer{First: six, Last: netip.MustParseAddr("2001:db8:7:7:ffff:ffff:ffff:ffff"), None: true, Registry: "arin"})
}

func TestResolverGivesUp(t *testing.T) {
	srv := whoistest.Serve(t, func(net.Conn, string) {}) // hangs up
	cfg := quick(map[string]*whoistest.Server{"arin": srv})
	r, a := start(t, cfg)
	if !r.Want(addr, 1) {
		t.Fatal("Want() = false")
	}
	for deadline := time.Now().Add(5 * time.Second); r.Pending() > 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if n := len(srv.Questions()); n != maxTries || len(a.got) != 0 {
		t.Errorf("asked %d times, %d answers; want %d and none", n, len(a.got), maxTries)
	}
	if r.Want(addr, 1) {
		t.Error("an address that could not be asked about is wanted again at once")
	}
	r.failed[addr] = time.Now().Add(-time.Second)
	if !r.Want(addr, 1) {
		t.Error("it is never wanted again")
	}
}

// A carrier's own server says whose the smaller block is; when it says nothing of
// use the registry's answer counts.
func TestResolverAsksTheCarrier(t *testing.T) {
	at := netip.MustParseAddr("198.51.100.70")
	f := func(name, carrier, network, registrant, parent string) {
		t.Helper()
		arin := whoistest.Text(t, fixture(t, "arin-rwhois.txt"))
		rw := whoistest.Text(t, carrier)
		r, a := start(t, quick(map[string]*whoistest.Server{"arin": arin, "rwhois": rw}))
		want(t, r, a, at.String())
		got := a.got[at.String()]
		if got.Network != network || got.Registrant != registrant || got.Parent != parent || got.Registry != reply.ARIN {
			t.Errorf("%s: got %+v, want %s of %q below %q", name, got, network, registrant, parent)
		}
		if q := rw.Questions(); len(q) == 0 || q[0] != at.String()+"\r\n" {
			t.Errorf("%s: the carrier was asked %q", name, q)
		}
	}
	own := reply.Parse(at, fixture(t, "arin-rwhois.txt")).Net
	f("a customer", fixture(t, "rwhois.txt"), "198.51.100.64/26", "Example Dentists", own.Registrant)
	f("nobody", "%error 230 No Objects Found\r\n", own.Block.String(), own.Registrant, "")
	f("somebody else's block", strings.ReplaceAll(fixture(t, "rwhois.txt"), "198.51.100.64/26", "198.0.0.0/8"), own.Block.String(), own.Registrant, "")
	f("hung up", "", own.Block.String(), own.Registrant, "")
}

// stub answers by other means than WHOIS.
type stub struct{ asked int }

func (s *stub) Asks(reg reply.Registry) bool { return reg == reply.RIPE }

func (s *stub) Ask(_ context.Context, _ reply.Registry, _ string, addr netip.Addr) (reply.Reply, time.Duration, error) {
	s.asked++
	return reply.Reply{Kind: reply.Answer, Net: reply.Net{Block: around(addr), Registrant: "Second Source Ltd", Leaf: true}}, 0, nil
}

// When the first client's server refuses, the second is asked; while it is on
// pause, the second at once.
func TestResolverTakesTheSecondClient(t *testing.T) {
	srv := whoistest.Text(t, fixture(t, "ripe-blocked.txt"))
	cfg := quick(map[string]*whoistest.Server{"ripe": srv})
	second := &stub{}
	r, a := startWith(t, NewClient(cfg, nil, nil), NewOtherClient(cfg, second, ".rdap", nil, nil))
	want(t, r, a, "192.0.2.9", "192.0.2.10")
	for _, at := range []string{"192.0.2.9", "192.0.2.10"} {
		if got := a.got[at]; got.Registrant != "Second Source Ltd" || !got.RDAP {
			t.Errorf("%s: got %+v, want the second client's answer", at, got)
		}
	}
	if n := len(srv.Questions()); n != 1 || second.asked != 2 {
		t.Errorf("the first was asked %d times, the second %d; want 1 and 2", n, second.asked)
	}
}

func TestResolverBounds(t *testing.T) {
	srv := whoistest.Serve(t, func(c net.Conn, _ string) { _, _ = c.Read(make([]byte, 1)) })
	cfg := quick(map[string]*whoistest.Server{"arin": srv})
	r := NewResolver(10, time.Minute, &answers{}, NewClient(cfg, nil, nil)) // not running
	queued := 0
	for i := range 100 {
		if r.Want(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), 1) {
			queued++
		}
	}
	if queued != 10 || r.Pending() != 10 {
		t.Errorf("%d addresses queued, %d pending, want 10", queued, r.Pending())
	}
	for _, a := range []string{"2002::1", "64:ff9b::1", "192.0.0.1"} {
		if r.Want(netip.MustParseAddr(a), 1) {
			t.Errorf("Want(%s) = true: no registry knows that", a)
		}
	}
	real := NewResolver(10, time.Minute, &answers{}, NewClient(Config{}, nil, nil))
	for _, a := range []string{"192.0.2.1", "2001:db8::1", "203.0.113.1"} {
		if real.Want(netip.MustParseAddr(a), 1) {
			t.Errorf("Want(%s) = true: documentation is not a registry's business", a)
		}
	}
	off := NewResolver(10, time.Minute, &answers{}, NewClient(quick(nil), nil, nil))
	if off.Want(addr, 1) {
		t.Error("Want() = true without any server")
	}
}
