package ciscoios

import (
	"net/netip"
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// list reads the line of an access list. IOS XE puts the process before it, IOS
// XR calls it an access-list, with the number of the entry:
//
//	list 102 denied tcp 192.0.2.7(51234) -> 198.51.100.9(23), 1 packet
//	fman_fp_image: list 102 denied tcp 192.0.2.7(51234) -> 198.51.100.9(23), 1 packet
//	access-list in (10) deny tcp 192.0.2.7(51234) -> 198.51.100.9(23), 1 packet
//	list 1 denied 192.0.2.7 5 packets
func list(mnemonic, body string, ev *scan.Event) error {
	i := strings.Index(body, "list ")
	if i < 0 || i > 64 {
		return errNoSource
	}
	name, rest, _ := strings.Cut(body[i+len("list "):], " ")
	if strings.HasPrefix(rest, "(") {
		_, rest, _ = strings.Cut(rest, ") ")
	}
	word, rest, _ := strings.Cut(rest, " ")
	*ev = scan.Event{Packets: 1, Label: name, Verdict: verdict(word)}
	if !strings.HasSuffix(mnemonic, "LOGS") { // that has the source only
		word, rest, _ = strings.Cut(rest, " ")
		if ev.Proto = parse.Proto(word); word == "0" { // any
			ev.Proto = ""
		}
	}
	src, rest := endpoint(rest)
	if !src.whole {
		return parse.ErrCutSource
	}
	var err error
	if ev.SrcIP, err = parse.Source(src.host); err != nil {
		return err
	}
	if _, to, ok := strings.Cut(rest, "-> "); ok {
		var dst end
		dst, rest = endpoint(to)
		if dst.whole {
			ev.DstIP, _ = parse.Addr(dst.host)
		}
		details(ev, src, dst, rest)
	}
	if n, ok := packets(rest); ok {
		ev.Packets = n
	}
	ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	return nil
}

// details takes the ports, or the type and code of ICMP behind the destination.
func details(ev *scan.Event, src, dst end, rest string) {
	switch ev.Proto {
	case "tcp", "udp", "sctp":
		ev.SrcPort, ev.DstPort = parse.Port(src.port), parse.Port(dst.port)
	case "icmp", "icmpv6":
		kind, _, ok := strings.Cut(strings.TrimPrefix(strings.TrimLeft(rest, " "), "("), ")")
		if kind, code, both := strings.Cut(kind, "/"); ok && both {
			ev.ICMPType, ev.ICMPCode = parse.Byte(kind), parse.Byte(code)
		}
	}
}

// packets reads the number in ", 5 packets".
func packets(s string) (uint32, bool) {
	i := strings.Index(s, " packet")
	if i < 0 {
		return 0, false
	}
	s = s[:i]
	return parse.Count(s[strings.LastIndexByte(s, ' ')+1:])
}

func verdict(s string) scan.Verdict {
	switch s {
	case "denied", "deny", "Deny":
		return scan.VerdictDrop
	case "permitted", "permit", "Permit":
		return scan.VerdictAllow
	}
	return scan.VerdictUnknown
}

// end is an address with its port in parentheses.
type end struct {
	host, port string
	whole      bool
}

// endpoint cuts the end that s begins with.
func endpoint(s string) (e end, rest string) {
	i := 0
	for i < len(s) && s[i] != ' ' && s[i] != '(' && s[i] != ',' {
		i++
	}
	e.host, e.whole, rest = s[:i], i < len(s), s[i:]
	if strings.HasPrefix(rest, "(") {
		if port, after, ok := strings.Cut(rest[1:], ")"); ok {
			e.port, rest = port, after
		}
	}
	return e, rest
}

// flow reads what NX-OS writes:
//
//	Source IP: 192.0.2.7, Destination IP: 198.51.100.9, Source Port: 51234, Destination Port: 23,
//	Source Interface: Ethernet1/1, Protocol: "TCP"(6), Hit-count = 5
//
// and ACI, whose mnemonic may tell the verdict:
//
//	CName: t:v(VXLAN: 2752512), VlanType: FD_VLAN, SIP: 192.0.2.7, DIP: 198.51.100.9, SPort: 51234, DPort: 23, Protocol: 6, PktLen: 78
func flow(mnemonic, body string, ev *scan.Event) error {
	*ev = scan.Event{Packets: 1, Verdict: scan.VerdictUnknown}
	switch {
	case strings.HasSuffix(mnemonic, "_DENY"):
		ev.Verdict = scan.VerdictDrop
	case strings.HasSuffix(mnemonic, "_PERMIT"):
		ev.Verdict = scan.VerdictAllow
	}
	var src, srcPort, dstPort string
	found := false
	for body != "" {
		field, rest, whole := strings.Cut(body, ", ")
		body = rest
		key, value, ok := strings.Cut(field, ": ")
		if !ok {
			key, value, _ = strings.Cut(field, " = ")
		}
		switch value = strings.TrimSpace(value); strings.TrimSpace(key) {
		case "Source IP", "Src IP", "SIP":
			if !whole {
				return parse.ErrCutSource
			}
			src, found = value, true
		case "Destination IP", "Dst IP", "DIP":
			if whole {
				ev.DstIP, _ = parse.Addr(value)
			}
		case "Source Port", "Src Port", "SPort":
			srcPort = value
		case "Destination Port", "Dst Port", "DPort":
			if whole {
				dstPort = value
			}
		case "Protocol":
			if whole {
				ev.Proto = parse.Proto(value)
			}
			if _, number, ok := strings.Cut(value, "("); ok {
				if number, _, ok = strings.Cut(number, ")"); ok {
					ev.Proto = parse.Proto(number)
				}
			}
		case "Hit-count":
			if n, ok := parse.Count(value); ok {
				ev.Packets = n
			}
		case "ACL Name":
			ev.Label = value
		case "ACE Action":
			ev.Verdict = verdict(value)
		}
	}
	if !found {
		return errNoSource
	}
	var err error
	if ev.SrcIP, err = parse.Source(src); err != nil {
		return err
	}
	switch ev.Proto {
	case "tcp", "udp", "sctp":
		ev.SrcPort, ev.DstPort = parse.Port(srcPort), parse.Port(dstPort)
	}
	ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	return nil
}

// direct sets both ends from "address:port" and the direction.
func direct(src, dst string, ev *scan.Event) (err error) {
	host, port := hostPort(src)
	if ev.SrcIP, err = parse.Source(host); err != nil {
		return err
	}
	ev.SrcPort = parse.Port(port)
	if dst != "" {
		host, port = hostPort(dst)
		ev.DstIP, _ = parse.Addr(host)
		ev.DstPort = parse.Port(port)
	}
	if strings.HasPrefix(ev.Proto, "icmp") {
		ev.SrcPort, ev.DstPort = scan.Opt[uint16]{}, scan.Opt[uint16]{}
	}
	ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	return nil
}

// hostPort cuts the port off. These messages write it behind IPv6 without any
// bracket: eight groups and one more.
func hostPort(s string) (host, port string) {
	host, port = parse.HostPort(s)
	if port != "" || strings.Count(s, ":") < 2 {
		return host, port
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return s, ""
	}
	i := strings.LastIndexByte(s, ':')
	return s[:i], s[i+1:]
}
