package whois

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois/reply"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/whois/whoistest"
)

var addr = netip.MustParseAddr("192.0.2.9")

func trusted(f *whoistest.Server) endpoint { return endpoint{address: f.Addr, trusted: true} }

func TestAskSendsTheAddressAlone(t *testing.T) {
	f := func(r reply.Registry, addr, want string) {
		t.Helper()
		srv := whoistest.Text(t, "no such thing\n")
		if _, err := ask(t.Context(), trusted(srv), servers[r], netip.MustParseAddr(addr), time.Second); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{want}, srv.Questions()); diff != "" {
			t.Errorf("%s is asked (-want +got)\n%s", r, diff)
		}
	}
	f(reply.ARIN, "192.0.2.1", "n + 192.0.2.1\r\n")
	f(reply.RIPE, "192.0.2.1", "-r 192.0.2.1\r\n")
	f(reply.APNIC, "2001:db8::1", "-r 2001:db8::1\r\n")
	f(reply.AFRINIC, "192.0.2.1", "-r 192.0.2.1\r\n")
	f(reply.LACNIC, "192.0.2.1", "192.0.2.1\r\n")
	f(reply.JPNIC, "192.0.2.1", "192.0.2.1/e\r\n")
	f(reply.KRNIC, "192.0.2.1", "192.0.2.1\r\n")
	f(reply.ARIN, "2001:db8::1%x\r\nhelp", "n + 2001:db8::1\r\n") // a zone is free text
}

func TestAskRefusesServersThatAreNotPublic(t *testing.T) {
	srv := whoistest.Text(t, "inetnum: 192.0.2.0/24\n")
	_, port, err := net.SplitHostPort(srv.Addr)
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "localhost", "::1", "0.0.0.0", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1"} {
		ep := endpoint{address: net.JoinHostPort(host, port)}
		if got, err := ask(t.Context(), ep, server{}, addr, 2*time.Second); !errors.Is(err, ErrForbidden) {
			t.Errorf("ask(%s) = %q, %v, want ErrForbidden", host, got, err)
		}
	}
	if n := len(srv.Questions()); n != 0 {
		t.Errorf("the server was asked %d times", n)
	}
}

func TestAskBoundsTheReply(t *testing.T) {
	line := "inetnum: 192.0.2.0/24\n"
	block := []byte(strings.Repeat(line, 1000)) // made once: what the server wastes counts as well
	many := whoistest.Serve(t, func(c net.Conn, _ string) {
		for range 1000 { // a million lines
			if _, err := c.Write(block); err != nil {
				return
			}
		}
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if got, err := ask(t.Context(), trusted(many), server{}, addr, 10*time.Second); !errors.Is(err, ErrTooLarge) || got != "" {
		t.Errorf("ask() = %d bytes, %v, want ErrTooLarge", len(got), err)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
		t.Errorf("a reply of 22 MB made %d KiB of garbage", grown>>10)
	}
	just := whoistest.Text(t, strings.Repeat("x", maxReply))
	if got, err := ask(t.Context(), trusted(just), server{}, addr, 10*time.Second); err != nil || len(got) != maxReply {
		t.Errorf("ask() of a reply that just fits = %d bytes, %v", len(got), err)
	}
	over := whoistest.Text(t, strings.Repeat("x", maxReply+1))
	if _, err := ask(t.Context(), trusted(over), server{}, addr, 10*time.Second); !errors.Is(err, ErrTooLarge) {
		t.Errorf("ask() of one byte more = %v, want ErrTooLarge", err)
	}
}

func TestAskFollowsNoReferral(t *testing.T) {
	trap := whoistest.Text(t, "inetnum: 192.0.2.0/24\nnetname: TRAPPED\n")
	for _, token := range []string{"Registrar WHOIS Server: ", "whois: ", "ReferralServer: whois://", "refer: ", "%referral rwhois://"} {
		for _, end := range []string{"\n", ""} { // without a line end the library would panic
			srv := whoistest.Text(t, "inetnum: 192.0.2.0/24\nnetname: HONEST\n"+token+trap.Addr+end)
			got, err := ask(t.Context(), trusted(srv), server{}, addr, 2*time.Second)
			if err != nil || strings.Contains(got, "TRAPPED") {
				t.Errorf("after %q: %q, %v", token, got, err)
			}
		}
	}
	if n := len(trap.Questions()); n != 0 {
		t.Errorf("a referral to the loopback was followed %d times", n)
	}
}

func TestAskEnds(t *testing.T) {
	trickle := whoistest.Serve(t, func(c net.Conn, _ string) {
		for {
			if _, err := c.Write([]byte("remarks: one more\n")); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	silent := whoistest.Serve(t, func(c net.Conn, _ string) { _, _ = c.Read(make([]byte, 1)) })
	for name, srv := range map[string]*whoistest.Server{"trickle": trickle, "silent": silent} {
		start := time.Now()
		if _, err := ask(t.Context(), trusted(srv), server{}, addr, 200*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: ask() = %v, want the deadline's error", name, err)
		}
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("%s: ask() took %v", name, took)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := ask(ctx, trusted(silent), server{}, addr, time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("ask() after a cancel = %v", err)
	}
}

func TestAskResets(t *testing.T) {
	reset := func(words string) *whoistest.Server {
		return whoistest.Serve(t, func(c net.Conn, _ string) {
			_, _ = c.Write([]byte(words))
			time.Sleep(20 * time.Millisecond) // or the words are lost with the connection
			_ = c.(*net.TCPConn).SetLinger(0)
		})
	}
	if got, err := ask(t.Context(), trusted(reset("%ERROR:201: access denied\n")), server{}, addr, time.Second); err != nil || !strings.Contains(got, "201") {
		t.Errorf("ask() = %q, %v; want the refusal that came before the reset", got, err)
	}
	if got, err := ask(t.Context(), trusted(reset("inetnum: 192.0.2.0/24\nnetname: HA")), server{}, addr, time.Second); err == nil {
		t.Errorf("ask() = %q, nil; want an error for half a reply", got)
	}
	if _, err := ask(t.Context(), endpoint{address: "127.0.0.1:1", trusted: true}, server{}, addr, time.Second); err == nil {
		t.Error("ask() without a server = nil")
	}
}
