// Package cause says what a packet most likely is, from the event alone, and on
// what evidence. Its rules are few and cautious: "unknown" is better than wrong
// certainty, and what takes more than one event to see (campaigns, backscatter,
// peers on ports of their own choice) is left to those who see many.
//
// The rules, of which the first that fits decides:
//
//	noise    destination multicast or broadcast; DHCP; IGMP; source not public;
//	         traffic within the own network
//	reply    TCP from port 80 or 443 with SYN+ACK, RST or FIN, told by the flags
//	         or by the router's label; TCP with RST or FIN from the ports of mail
//	         and push services, whose connections stay open for hours; UDP from
//	         port 53, 123, 443 or 3478
//	backscatter
//	         TCP with SYN+ACK from any other service port to a high port, with
//	         RST+ACK from one below 1024; UDP from the ports of services that
//	         amplify to a high port; ICMP echo reply. Somebody used our address
//	         as a false source, most often in an attack on the sender
//	peer     UDP, or TCP without logged flags, of the ports that file sharing and
//	         NAT traversal use by default
//	scan     TCP with SYN alone, without flags, with FIN alone or FIN+PSH+URG;
//	         a label that says so; TCP or UDP from a high port to a port below
//	         1024, or to one of a few services above it that worms and scanners
//	         ask for, where flags were not logged; ICMP requests for echo,
//	         timestamp and address mask
//	research what would be scan or unknown, from a project that scans the whole
//	         Internet and says so
//	unknown  everything else
package cause

import (
	"net/netip"
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
)

// Of returns the likely cause of e and the evidence that decided, which is one
// of a few constant sentences, or research: the evidence that the source is a
// research project's, empty if it is none. It allocates nothing.
func Of(e *scan.Event, research string) (scan.Cause, string) {
	c, why := packet(e)
	if research != "" && e.Direction != scan.DirectionOut && (c == scan.CauseScan || c == scan.CauseUnknown) {
		return scan.CauseResearch, research
	}
	return c, why
}

// packet judges a packet by itself.
func packet(e *scan.Event) (scan.Cause, string) {
	if why := noise(e); why != "" {
		return scan.CauseNoise, why
	}
	if e.Direction == scan.DirectionOut {
		return scan.CauseUnknown, "own outbound traffic"
	}
	switch e.Proto {
	case "tcp":
		if e.TCPFlags.OK {
			return segment(e)
		}
		return tcp(e)
	case "udp":
		return udp(e)
	case "icmp", "icmpv6":
		return icmp(e)
	}
	if says(e.Label, "port scan") {
		return scan.CauseScan, "the router calls it a port scan"
	}
	return scan.CauseUnknown, "protocol not logged or without a rule"
}

func noise(e *scan.Event) string {
	switch {
	case e.DstIP.IsMulticast():
		return "destination is multicast"
	case e.DstIP == broadcast:
		return "destination is broadcast"
	case e.Proto == "igmp":
		return "IGMP"
	case e.Proto == "udp" && (dhcp(e, 67, 68) || dhcp(e, 546, 547)):
		return "DHCP"
	case e.SrcIP.IsValid() && !scan.Public(e.SrcIP):
		return "source is not a public address"
	case e.Direction == scan.DirectionLocal:
		return "traffic within the own network"
	}
	return ""
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

func dhcp(e *scan.Event, a, b uint16) bool {
	return is(e.SrcPort, a, b) && is(e.DstPort, a, b)
}

func is(p scan.Opt[uint16], ports ...uint16) bool {
	for _, want := range ports {
		if p.OK && p.V == want {
			return true
		}
	}
	return false
}

// segment judges a TCP segment by its flags.
func segment(e *scan.Event) (scan.Cause, string) {
	const known = scan.FIN | scan.SYN | scan.RST | scan.PSH | scan.ACK | scan.URG
	f := e.TCPFlags.V & known
	web := is(e.SrcPort, 80, 443)
	switch {
	case f&(scan.SYN|scan.ACK|scan.RST|scan.FIN) == scan.SYN:
		return scan.CauseScan, "TCP SYN without ACK"
	case f == 0:
		return scan.CauseScan, "TCP without any flag"
	case f == scan.FIN|scan.PSH|scan.URG:
		return scan.CauseScan, "TCP FIN, PSH and URG without ACK"
	case web && f&(scan.SYN|scan.ACK) == scan.SYN|scan.ACK:
		return scan.CauseReply, "TCP SYN and ACK from port 80 or 443"
	case web && f&scan.RST != 0:
		return scan.CauseReply, "TCP RST from port 80 or 443"
	case web && f&scan.FIN != 0:
		return scan.CauseReply, "TCP FIN from port 80 or 443"
	case f&(scan.RST|scan.FIN) != 0 && f&scan.SYN == 0 && lasting(e.SrcPort) && high(e.DstPort):
		return scan.CauseReply, "TCP RST or FIN from a mail or push service"
	case f&(scan.SYN|scan.ACK|scan.RST|scan.FIN) == scan.SYN|scan.ACK && service(e.SrcPort) && high(e.DstPort):
		return scan.CauseBackscatter, "TCP SYN and ACK from a service that was not asked"
	case f&(scan.SYN|scan.ACK|scan.RST|scan.FIN) == scan.RST|scan.ACK && low(e.SrcPort) && high(e.DstPort):
		return scan.CauseBackscatter, "TCP RST and ACK from a service that was not asked"
	case f == scan.FIN:
		return scan.CauseScan, "TCP FIN without ACK"
	case web:
		return scan.CauseUnknown, "TCP from port 80 or 443, perhaps a late reply"
	}
	return scan.CauseUnknown, "TCP that opens no connection"
}

// tcp judges a TCP packet whose flags were not logged.
func tcp(e *scan.Event) (scan.Cause, string) {
	web := is(e.SrcPort, 80, 443)
	switch {
	case web && (says(e.Label, "rst scan") || says(e.Label, "fin scan") || says(e.Label, "syn/ack scan")):
		return scan.CauseReply, "RST, FIN or SYN and ACK from port 80 or 443, as the router labels it"
	case says(e.Label, "null scan"), says(e.Label, "xmas"):
		return scan.CauseScan, "flags that open no connection, as the router labels it"
	case web:
		return scan.CauseUnknown, "TCP from port 80 or 443, perhaps a late reply"
	case peer(e):
		return scan.CausePeer, "TCP of a port that file sharing uses"
	case says(e.Label, "port scan"), says(e.Label, "syn scan"):
		return scan.CauseScan, "the router calls it a port scan"
	case toService(e), high(e.SrcPort) && is(e.DstPort, wanted...):
		return scan.CauseScan, "TCP from a high port to a service port"
	}
	return scan.CauseUnknown, "TCP without flags in the log"
}

func udp(e *scan.Event) (scan.Cause, string) {
	switch {
	case is(e.SrcPort, 53):
		return scan.CauseReply, "UDP from port 53, DNS"
	case is(e.SrcPort, 123):
		return scan.CauseReply, "UDP from port 123, NTP"
	case is(e.SrcPort, 443):
		return scan.CauseReply, "UDP from port 443, QUIC"
	case is(e.SrcPort, 3478):
		return scan.CauseReply, "UDP from port 3478, STUN"
	case is(e.SrcPort, teredo) || is(e.DstPort, teredo):
		return scan.CausePeer, "UDP of port 3544, Teredo"
	case peer(e):
		return scan.CausePeer, "UDP of a port that file sharing uses"
	case says(e.Label, "port scan"):
		return scan.CauseScan, "the router calls it a port scan"
	case is(e.SrcPort, amplifiers...) && high(e.DstPort) && e.DstPort != e.SrcPort:
		return scan.CauseBackscatter, "UDP from the port of a service that amplifies"
	case toService(e), high(e.SrcPort) && is(e.DstPort, asked...):
		return scan.CauseScan, "UDP from a high port to a service port"
	}
	return scan.CauseUnknown, "UDP without further evidence"
}

func icmp(e *scan.Event) (scan.Cause, string) {
	switch {
	case e.Proto == "icmp" && e.ICMPType.OK && e.ICMPType.V == 8,
		e.Proto == "icmpv6" && e.ICMPType.OK && e.ICMPType.V == 128:
		return scan.CauseScan, "ICMP echo request"
	case e.Proto == "icmp" && e.ICMPType.OK && (e.ICMPType.V == 13 || e.ICMPType.V == 17):
		return scan.CauseScan, "ICMP timestamp or address mask request"
	case e.Proto == "icmp" && e.ICMPType.OK && e.ICMPType.V == 0,
		e.Proto == "icmpv6" && e.ICMPType.OK && e.ICMPType.V == 129:
		return scan.CauseBackscatter, "ICMP echo reply that was not asked for"
	case !e.ICMPType.OK && (says(e.Label, "icmp scan") || says(e.Label, "ping sweep")):
		return scan.CauseScan, "the router calls it a ping scan"
	case e.ICMPType.OK:
		return scan.CauseUnknown, "ICMP other than an echo request"
	}
	return scan.CauseUnknown, "ICMP without its type in the log"
}

const teredo = 3544 // RFC 4380

// peer fits the default ports of BitTorrent, Gnutella and eDonkey, at either end.
func peer(e *scan.Event) bool { return sharing(e.SrcPort) || sharing(e.DstPort) }

func sharing(p scan.Opt[uint16]) bool {
	return p.OK && (p.V >= 6881 && p.V <= 6889 || p.V == 51413 || p.V == 6346 || p.V == 6347 || p.V == 4662 || p.V == 4672)
}

// toService fits a client's packet to a well-known port.
func toService(e *scan.Event) bool { return high(e.SrcPort) && low(e.DstPort) }

func high(p scan.Opt[uint16]) bool { return p.OK && p.V >= 1024 }
func low(p scan.Opt[uint16]) bool  { return p.OK && p.V > 0 && p.V < 1024 }

// service fits the ports below 1024 and a few above that are attacked: databases,
// remote desktops, game servers.
func service(p scan.Opt[uint16]) bool {
	return low(p) || is(p, 1433, 1521, 1723, 3306, 3389, 5060, 5432, 5900, 6379, 6667, 8000, 8080, 8443, 8888, 9987, 25565, 27015, 30120)
}

// lasting fits services whose connections outlive what a router remembers of
// them: POP3, IMAP, their encrypted forms, DNS over TLS, XMPP, and the push
// services of Apple and Google.
func lasting(p scan.Opt[uint16]) bool {
	return is(p, 110, 143, 853, 993, 995, 5222, 5223, 5228, 5229, 5230)
}

var (
	// amplifiers answer a small question with much: chargen, portmap, SNMP, CLDAP,
	// SSDP, WS-Discovery, memcached (US-CERT alert TA14-017A). DNS and NTP do so,
	// too, and are asked by everybody.
	amplifiers = []uint16{17, 19, 69, 111, 137, 161, 389, 520, 1900, 3702, 11211}
	// wanted are TCP ports above 1023 that worms look for (Mirai and its kin, SQL
	// and Redis worms) and that hardly anybody's own programs open.
	wanted = []uint16{1433, 2323, 3306, 3389, 5555, 5900, 6379, 7547, 8080, 23231, 37215, 52869}
	// asked are UDP ports of the same kind: SQL browser, SSDP, WS-Discovery, SIP,
	// CoAP, memcached, Netis routers.
	asked = []uint16{1434, 1900, 3702, 5060, 5683, 11211, 53413}
)

// says looks for words, in lower case, in a label of any case.
func says(label, words string) bool {
	for i := 0; i+len(words) <= len(label); i++ {
		if label[i]|0x20 == words[0] && strings.EqualFold(label[i:i+len(words)], words) {
			return true
		}
	}
	return false
}
