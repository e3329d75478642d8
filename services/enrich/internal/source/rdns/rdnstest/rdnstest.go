// Package rdnstest runs DNS servers for tests.
package rdnstest

import (
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// Zone answers the questions of a test: names, with their last dot, to what they
// hold.
type Zone map[string][]dnsmessage.ResourceBody

// Serve runs a DNS server on the loopback until the test ends. A question of which
// the zone says nil is never answered. asked counts the questions about a name.
func Serve(t *testing.T, z Zone) (addr string, asked func(string) int) {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	counts := map[string]int{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			name := strings.ToLower(q.Name.String())
			mu.Lock()
			counts[name]++
			mu.Unlock()
			bodies, ok := z[name]
			if ok && bodies == nil {
				continue
			}
			m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
			if !ok {
				m.RCode = dnsmessage.RCodeNameError
			}
			for _, body := range bodies {
				typ := dnsmessage.TypePTR
				switch body.(type) {
				case *dnsmessage.AResource:
					typ = dnsmessage.TypeA
				case *dnsmessage.AAAAResource:
					typ = dnsmessage.TypeAAAA
				}
				if typ == q.Type {
					m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: typ, Class: dnsmessage.ClassINET, TTL: 60}, Body: body})
				}
			}
			out, err := m.Pack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = c.WriteTo(out, from)
		}
	}()
	t.Cleanup(func() {
		_ = c.Close()
		<-done
	})
	return c.LocalAddr().String(), func(name string) int {
		mu.Lock()
		defer mu.Unlock()
		return counts[name]
	}
}

// PTR holds names.
func PTR(names ...string) (out []dnsmessage.ResourceBody) {
	for _, n := range names {
		out = append(out, &dnsmessage.PTRResource{PTR: dnsmessage.MustNewName(n)})
	}
	return out
}

// A holds an address, of either kind.
func A(addr string) []dnsmessage.ResourceBody {
	ip := netip.MustParseAddr(addr)
	if ip.Is4() {
		return []dnsmessage.ResourceBody{&dnsmessage.AResource{A: ip.As4()}}
	}
	return []dnsmessage.ResourceBody{&dnsmessage.AAAAResource{AAAA: ip.As16()}}
}
