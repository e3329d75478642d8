package cause

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

// event reads "proto src[:port] dst[:port] [flags=F] [type=N] [label=L] [dir=D]".
func event(t testing.TB, s string) *scan.Event {
	t.Helper()
	e := &scan.Event{Direction: scan.DirectionIn, Packets: 1}
	s, e.Label, _ = strings.Cut(s, " label=")
	for i, w := range strings.Fields(s) {
		key, value, _ := strings.Cut(w, "=")
		switch {
		case key == "flags":
			f, err := scan.ParseTCPFlags(value)
			if err != nil {
				t.Fatal(err)
			}
			e.TCPFlags = scan.Some(f)
		case key == "type":
			e.ICMPType = scan.Some(uint8(number(t, value)))
		case key == "dir":
			e.Direction = scan.Direction(value)
		case i == 0:
			e.Proto = strings.TrimPrefix(w, "-")
		case i == 1:
			e.SrcIP, e.SrcPort = end(t, w)
		case i == 2:
			e.DstIP, e.DstPort = end(t, w)
		default:
			t.Fatalf("what is %q?", w)
		}
	}
	return e
}

func end(t testing.TB, s string) (netip.Addr, scan.Opt[uint16]) {
	t.Helper()
	if s == "-" {
		return netip.Addr{}, scan.Opt[uint16]{}
	}
	if a, err := netip.ParseAddr(s); err == nil {
		return a, scan.Opt[uint16]{}
	}
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		t.Fatal(err)
	}
	return ap.Addr(), scan.Some(ap.Port())
}

func number(t testing.TB, s string) (n int) {
	t.Helper()
	for _, c := range s {
		n = 10*n + int(c-'0')
	}
	return n
}

func TestOf(t *testing.T) {
	f := func(in string, want scan.Cause, evidence string) {
		t.Helper()
		got, why := Of(event(t, in), "")
		if got != want || !strings.Contains(why, evidence) || why == "" {
			t.Errorf("%s: %s because %q, want %s because of %q", in, got, why, want, evidence)
		}
	}
	f("udp 192.0.2.7:5353 224.0.0.251:5353", scan.CauseNoise, "multicast")
	f("udp 192.0.2.7:5353 [ff02::fb]:5353", scan.CauseNoise, "multicast")
	f("udp 0.0.0.0:68 255.255.255.255:67", scan.CauseNoise, "broadcast")
	f("udp 192.0.2.7:67 198.51.100.1:68", scan.CauseNoise, "DHCP")
	f("udp [2001:db8::1]:547 [2001:db8::2]:546", scan.CauseNoise, "DHCP")
	f("igmp 192.0.2.7 198.51.100.1", scan.CauseNoise, "IGMP")
	f("tcp 192.168.1.2:5000 198.51.100.1:445 flags=S", scan.CauseNoise, "not a public")
	f("tcp 192.0.2.7:5000 198.51.100.1:445 flags=S dir=local", scan.CauseNoise, "own network")
	f("tcp 192.0.2.7:5000 198.51.100.1:443 flags=S dir=out", scan.CauseUnknown, "outbound")

	f("tcp 192.0.2.7:443 198.51.100.1:50000 flags=SA", scan.CauseReply, "SYN and ACK")
	f("tcp 192.0.2.7:443 198.51.100.1:50000 flags=R", scan.CauseReply, "RST")
	f("tcp 192.0.2.7:80 198.51.100.1:50000 flags=RA", scan.CauseReply, "RST")
	f("tcp 192.0.2.7:80 198.51.100.1:50000 flags=FA", scan.CauseReply, "FIN")
	f("tcp 192.0.2.7:80 198.51.100.1:50000 flags=FPA", scan.CauseReply, "FIN")
	f("tcp 192.0.2.7:80 198.51.100.1:50000 flags=A", scan.CauseUnknown, "late reply")
	f("tcp 192.0.2.7:80 198.51.100.1:22 flags=S", scan.CauseScan, "SYN")
	f("tcp 192.0.2.7:50000 198.51.100.1:22 flags=S", scan.CauseScan, "SYN")
	f("tcp 192.0.2.7:50000 198.51.100.1:22 flags=SEC", scan.CauseScan, "SYN")
	f("tcp 192.0.2.7:50000 198.51.100.1:22 flags=", scan.CauseScan, "without any flag")
	f("tcp 192.0.2.7:50000 198.51.100.1:22 flags=FPU", scan.CauseScan, "URG")
	f("tcp 192.0.2.7:50000 198.51.100.1:22 flags=F", scan.CauseScan, "FIN")
	f("tcp 192.0.2.7:50000 198.51.100.1:22 flags=R", scan.CauseUnknown, "opens no connection")
	f("tcp 192.0.2.7:6881 198.51.100.1:50000 flags=SA", scan.CauseUnknown, "opens no connection")
	f("tcp 192.0.2.7:993 198.51.100.1:50000 flags=RA", scan.CauseReply, "mail")
	f("tcp 192.0.2.7:5228 198.51.100.1:50000 flags=FA", scan.CauseReply, "push")
	f("tcp 192.0.2.7:993 198.51.100.1:22 flags=FA", scan.CauseUnknown, "opens no connection")
	f("tcp 192.0.2.7:22 198.51.100.1:50000 flags=SA", scan.CauseBackscatter, "not asked")
	f("tcp 192.0.2.7:25565 198.51.100.1:50000 flags=SA", scan.CauseBackscatter, "not asked")
	f("tcp 192.0.2.7:22 198.51.100.1:50000 flags=RA", scan.CauseBackscatter, "not asked")
	f("tcp 192.0.2.7:22 198.51.100.1:50000 flags=R", scan.CauseUnknown, "opens no connection")
	f("tcp 192.0.2.7:22 198.51.100.1:25 flags=SA", scan.CauseUnknown, "opens no connection")

	f("tcp 192.0.2.7:443 - label=DoS Attack: RST Scan", scan.CauseReply, "router")
	f("tcp 192.0.2.7:80 - label=DOS attack: FIN scan", scan.CauseReply, "router")
	f("tcp 192.0.2.7:443 - label=DoS attack: SYN/ACK Scan", scan.CauseReply, "router")
	f("tcp 192.0.2.7:5222 - label=DoS attack: RST Scan", scan.CauseUnknown, "")
	f("tcp 192.0.2.7:443 - label=DoS attack: TCP Port Scan", scan.CauseUnknown, "late reply")
	f("tcp 192.0.2.7:46430 - label=DoS attack: TCP Port Scan", scan.CauseScan, "port scan")
	f("tcp 192.0.2.7:46430 - label=DoS attack: NULL Scan", scan.CauseScan, "router")
	f("tcp 192.0.2.7:46430 198.51.100.1:23", scan.CauseScan, "service port")
	f("tcp 192.0.2.7:46430 198.51.100.1:7547", scan.CauseScan, "service port")
	f("tcp 192.0.2.7:46430 198.51.100.1:50000", scan.CauseUnknown, "without flags")
	f("tcp 192.0.2.7 198.51.100.1", scan.CauseUnknown, "without flags")

	f("udp 192.0.2.7:53 198.51.100.1:50000", scan.CauseReply, "DNS")
	f("udp 192.0.2.7:123 198.51.100.1:123", scan.CauseReply, "NTP")
	f("udp 192.0.2.7:443 198.51.100.1:50000", scan.CauseReply, "QUIC")
	f("udp 192.0.2.7:3478 198.51.100.1:1033 label=DOS", scan.CauseReply, "STUN")
	f("udp 192.0.2.7:443 - label=DoS attack: UDP Port Scan", scan.CauseReply, "QUIC")
	f("udp 192.0.2.7:5060 - label=DoS attack: UDP Port Scan", scan.CauseScan, "port scan")
	f("udp 192.0.2.7:50000 198.51.100.1:161", scan.CauseScan, "service port")
	f("udp 192.0.2.7:50000 198.51.100.1:40000", scan.CauseUnknown, "UDP")
	f("udp 192.0.2.7:5070 198.51.100.1:5060", scan.CauseScan, "service port")
	f("udp 192.0.2.7:50000 198.51.100.1:53413", scan.CauseScan, "service port")
	f("udp 192.0.2.7:1900 198.51.100.1:50000", scan.CauseBackscatter, "amplifies")
	f("udp 192.0.2.7:161 198.51.100.1:50000", scan.CauseBackscatter, "amplifies")
	f("udp 192.0.2.7:1900 198.51.100.1:1900", scan.CauseScan, "service port")

	f("udp 192.0.2.7:50000 198.51.100.1:6881", scan.CausePeer, "file sharing")
	f("udp 192.0.2.7:51413 198.51.100.1:50000", scan.CausePeer, "file sharing")
	f("udp 192.0.2.7:3544 198.51.100.1:50000", scan.CausePeer, "Teredo")
	f("tcp 192.0.2.7:50000 198.51.100.1:6889", scan.CausePeer, "file sharing")
	f("tcp 192.0.2.7:50000 198.51.100.1:6881 flags=S", scan.CauseScan, "SYN") // what it is, is seen from many
	f("udp 192.0.2.7:53 198.51.100.1:6881", scan.CauseReply, "DNS")

	f("icmp 192.0.2.7 198.51.100.1 type=8", scan.CauseScan, "echo")
	f("icmpv6 2001:db8::1 2001:db8::2 type=128", scan.CauseScan, "echo")
	f("icmpv6 2001:db8::1 2001:db8::2 type=8", scan.CauseUnknown, "other")
	f("icmp 192.0.2.7 198.51.100.1 type=13", scan.CauseScan, "timestamp")
	f("icmp 192.0.2.7 198.51.100.1 type=0", scan.CauseBackscatter, "echo reply")
	f("icmpv6 2001:db8::1 2001:db8::2 type=129", scan.CauseBackscatter, "echo reply")
	f("icmp 192.0.2.7 198.51.100.1 type=3", scan.CauseUnknown, "other")
	f("icmp 192.0.2.7 - label=DoS attack: ICMP Scan", scan.CauseScan, "ping scan")
	f("icmp 192.0.2.7 198.51.100.1", scan.CauseUnknown, "type")

	f("- 192.0.2.7 198.51.100.1", scan.CauseUnknown, "protocol")
	f("- 192.0.2.7 - label=PORT SCAN", scan.CauseScan, "port scan")
	f("gre 192.0.2.7 198.51.100.1", scan.CauseUnknown, "protocol")
}

// A project's probes are research; its replies, and what goes out to it, are not.
func TestResearch(t *testing.T) {
	f := func(in string, want scan.Cause) {
		t.Helper()
		if got, why := Of(event(t, in), "project X"); got != want || (got == scan.CauseResearch) != (why == "project X") {
			t.Errorf("%s: %s because %q, want %s", in, got, why, want)
		}
	}
	f("tcp 192.0.2.7:50000 198.51.100.1:22 flags=S", scan.CauseResearch)
	f("tcp 192.0.2.7:50000 198.51.100.1:22 flags=A", scan.CauseResearch)
	f("udp 192.0.2.7:50000 198.51.100.1:40000", scan.CauseResearch)
	f("tcp 192.0.2.7:443 198.51.100.1:50000 flags=FA", scan.CauseReply)
	f("udp 192.0.2.7:5353 224.0.0.251:5353", scan.CauseNoise)
	f("tcp 192.0.2.7:5000 198.51.100.1:443 flags=S dir=out", scan.CauseUnknown)
}

// TestWithoutSource: an event whose source could not be read is judged as well.
func TestWithoutSource(t *testing.T) {
	if got, _ := Of(&scan.Event{Proto: "tcp"}, ""); got != scan.CauseUnknown {
		t.Errorf("Of(nothing) = %s", got)
	}
}

func BenchmarkOf(b *testing.B) {
	events := []*scan.Event{
		event(b, "tcp 192.0.2.7:50000 198.51.100.1:22 flags=S"),
		event(b, "tcp 192.0.2.7:443 - label=DoS Attack: RST Scan"),
		event(b, "udp 192.0.2.7:50000 198.51.100.1:40000 label=DoS attack: nothing that fits"),
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		Of(events[i%len(events)], "")
		i++
	}
}
