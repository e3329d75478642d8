package cause

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

// behaviour is one kind of traffic as it is published: what reaches a router of
// it, and what it is in truth.
type behaviour struct {
	name  string
	truth scan.Cause
	n     int // of a month
	event func(r *rand.Rand) scan.Event
}

const syn, synAck, rstAck, finAck = scan.SYN, scan.SYN | scan.ACK, scan.RST | scan.ACK, scan.FIN | scan.ACK

// month is what a home router sees in a month, each behaviour from its own
// description, not from the rules. Half of the TCP behaviours come a second time
// from a router that logs no flags.
var month = []behaviour{
	// nmap -sS, -sF, -sN, -sX, -sA of one host, source port above 32768.
	{"nmap SYN vertical", scan.CauseScan, 1000, tcpTo(32768, 65535, syn, 1, 1024)},
	{"nmap FIN vertical", scan.CauseScan, 150, tcpTo(32768, 65535, scan.FIN, 1, 1024)},
	{"nmap NULL vertical", scan.CauseScan, 150, tcpTo(32768, 65535, 0, 1, 1024)},
	{"nmap Xmas vertical", scan.CauseScan, 150, tcpTo(32768, 65535, scan.FIN|scan.PSH|scan.URG, 1, 1024)},
	{"nmap ACK vertical", scan.CauseScan, 150, tcpTo(32768, 65535, scan.ACK, 1, 1024)},
	{"nmap UDP", scan.CauseScan, 150, udpTo(32768, 65535, 1, 1024)},
	// masscan and ZMap sweep all ports slowly from any source port.
	{"slow sweep", scan.CauseScan, 2000, tcpTo(1024, 65535, syn, 1, 65535)},
	{"ping sweep", scan.CauseScan, 200, icmpOf(8)},
	// Mirai (Antonakakis et al. 2017): nine of ten to 23, else 2323.
	{"Mirai", scan.CauseScan, 2500, func(r *rand.Rand) scan.Event {
		port := uint16(23)
		if r.IntN(10) == 0 {
			port = 2323
		}
		return tcp4(r, between(r, 1024, 65535), syn, port)
	}},
	{"SIP brute force", scan.CauseScan, 300, func(r *rand.Rand) scan.Event { return udp4(r, between(r, 5060, 5100), 5060) }},
	{"Netis backdoor", scan.CauseScan, 100, func(r *rand.Rand) scan.Event { return udp4(r, between(r, 1024, 65535), 53413) }},
	// Moore et al. 2006: victims of floods with false sources answer them.
	{"backscatter of SYN floods, web", scan.CauseBackscatter, 10, func(r *rand.Rand) scan.Event {
		return tcp4(r, pick(r, 80, 443), synAck, between(r, 1024, 65535))
	}},
	{"backscatter of SYN floods, others", scan.CauseBackscatter, 150, func(r *rand.Rand) scan.Event {
		return tcp4(r, pick(r, 22, 25, 53, 6667, 25565, 30120), synAck, between(r, 1024, 65535))
	}},
	{"backscatter of closed ports", scan.CauseBackscatter, 100, func(r *rand.Rand) scan.Event {
		return tcp4(r, pick(r, 21, 22, 25, 53, 113, 139), rstAck, between(r, 1024, 65535))
	}},
	{"backscatter of ping floods", scan.CauseBackscatter, 50, icmpOf(0)},
	// Rossow 2014: answers of amplifiers to questions with a false source.
	{"reflection, SSDP and the like", scan.CauseBackscatter, 150, func(r *rand.Rand) scan.Event {
		return udp4(r, pick(r, 19, 111, 161, 389, 1900, 3702, 11211), between(r, 1024, 65535))
	}},
	{"reflection, DNS", scan.CauseBackscatter, 10, func(r *rand.Rand) scan.Event { return udp4(r, 53, between(r, 1024, 65535)) }},
	// What the owner's own traffic leaves.
	{"late web replies", scan.CauseReply, 3000, func(r *rand.Rand) scan.Event {
		return tcp4(r, pick(r, 80, 443, 443, 443), scan.TCPFlags(pick(r, uint16(scan.RST), uint16(rstAck), uint16(finAck), uint16(finAck|scan.PSH))), between(r, 32768, 60999))
	}},
	{"late mail and push replies", scan.CauseReply, 300, func(r *rand.Rand) scan.Event {
		return tcp4(r, pick(r, 993, 995, 5223, 5228), scan.TCPFlags(pick(r, uint16(rstAck), uint16(finAck))), between(r, 32768, 60999))
	}},
	{"late DNS", scan.CauseReply, 800, func(r *rand.Rand) scan.Event { return udp4(r, 53, between(r, 1024, 65535)) }},
	{"late QUIC", scan.CauseReply, 800, func(r *rand.Rand) scan.Event { return udp4(r, 443, between(r, 32768, 60999)) }},
	{"STUN", scan.CauseReply, 300, func(r *rand.Rand) scan.Event { return udp4(r, 3478, between(r, 1024, 65535)) }},
	{"NTP", scan.CauseReply, 100, func(r *rand.Rand) scan.Event { return udp4(r, 123, pick(r, 123, between(r, 1024, 65535))) }},
	{"BitTorrent, usual ports", scan.CausePeer, 800, func(r *rand.Rand) scan.Event {
		return udp4(r, between(r, 1024, 65535), pick(r, 6881, 51413))
	}},
	{"BitTorrent, own port", scan.CausePeer, 800, func(r *rand.Rand) scan.Event { return udp4(r, between(r, 1024, 65535), 40211) }},
	{"mDNS of the LAN", scan.CauseNoise, 300, func(*rand.Rand) scan.Event {
		return scan.Event{Proto: "udp", SrcIP: netip.MustParseAddr("192.168.1.7"), DstIP: netip.MustParseAddr("224.0.0.251"),
			SrcPort: scan.Some[uint16](5353), DstPort: scan.Some[uint16](5353), Direction: scan.DirectionIn}
	}},
}

// TestMonth measures how often each cause is right (precision) and how much of
// it is found (recall) in a labelled month. Wrong certainty is worse than
// unknown: precision is held, recall is told.
func TestMonth(t *testing.T) {
	r := rand.New(rand.NewPCG(2012, 4))
	said, right, truth := map[scan.Cause]int{}, map[scan.Cause]int{}, map[scan.Cause]int{}
	for _, b := range month {
		missed := map[scan.Cause]int{}
		for i := range b.n {
			e := b.event(r)
			if e.TCPFlags.OK && i%2 == 1 && b.truth == scan.CauseScan {
				e.TCPFlags = scan.Opt[scan.TCPFlags]{} // a router that logs none
			}
			got, _ := Of(&e, "")
			truth[b.truth]++
			said[got]++
			if got == b.truth {
				right[got]++
			} else {
				missed[got]++
			}
		}
		if len(missed) > 0 {
			t.Logf("%-34s %d %s: %v", b.name, b.n, b.truth, missed)
		}
	}
	for cause, want := range map[scan.Cause]float64{
		scan.CauseScan: 0.99, scan.CauseReply: 0.99, scan.CausePeer: 0.95, scan.CauseBackscatter: 0.99, scan.CauseNoise: 1,
	} {
		precision, recall := float64(right[cause])/float64(said[cause]), float64(right[cause])/float64(truth[cause])
		t.Logf("%-12s precision %.3f recall %.3f", cause, precision, recall)
		if precision < want {
			t.Errorf("precision of %s is %.3f, want %.2f", cause, precision, want)
		}
	}
}

func tcpTo(from, to uint16, flags scan.TCPFlags, low, high uint16) func(*rand.Rand) scan.Event {
	return func(r *rand.Rand) scan.Event { return tcp4(r, between(r, from, to), flags, between(r, low, high)) }
}

func udpTo(from, to, low, high uint16) func(*rand.Rand) scan.Event {
	return func(r *rand.Rand) scan.Event { return udp4(r, between(r, from, to), between(r, low, high)) }
}

func icmpOf(kind uint8) func(*rand.Rand) scan.Event {
	return func(r *rand.Rand) scan.Event {
		e := from(r, "icmp")
		e.ICMPType, e.ICMPCode = scan.Some(kind), scan.Some[uint8](0)
		return e
	}
}

func tcp4(r *rand.Rand, src uint16, flags scan.TCPFlags, dst uint16) scan.Event {
	e := from(r, "tcp")
	e.SrcPort, e.DstPort, e.TCPFlags = scan.Some(src), scan.Some(dst), scan.Some(flags)
	return e
}

func udp4(r *rand.Rand, src, dst uint16) scan.Event {
	e := from(r, "udp")
	e.SrcPort, e.DstPort = scan.Some(src), scan.Some(dst)
	return e
}

func from(r *rand.Rand, proto string) scan.Event {
	return scan.Event{Proto: proto, Direction: scan.DirectionIn, DstIP: netip.MustParseAddr("203.0.113.9"),
		SrcIP: netip.AddrFrom4([4]byte{198, 51, 100, byte(r.IntN(256))})}
}

func between(r *rand.Rand, low, high uint16) uint16 { return low + uint16(r.IntN(int(high-low)+1)) }

func pick(r *rand.Rand, of ...uint16) uint16 { return of[r.IntN(len(of))] }
