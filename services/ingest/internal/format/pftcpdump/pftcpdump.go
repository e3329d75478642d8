// Package pftcpdump reads what tcpdump makes of pf's log on OpenBSD, FreeBSD and
// old pfSense:
//
//	rule 11/(match) block in on em1: 192.0.2.11.59299 > 198.51.100.250.1900: udp 132 (DF) [ttl 1]
//	rule 22/0(match): block in on vlan2: 192.0.2.39.58012 > 198.51.100.131.8080: Flags [S], seq 2837144143, win 14600, length 0
//
// The port follows the address behind a dot. The specifications are the man pages
// tcpdump(8) and pflog(4). Where tcpdump decodes what is above UDP, the protocol
// is known by the decoder only.
package pftcpdump

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "pf-tcpdump"

// Parse reads one line; see parse.Func. It claims "rule N/(match) <action>
// <way> on <interface>:".
func Parse(line *envelope.Line, ev *scan.Event) error {
	s := line.Payload
	i := strings.Index(s, "rule ")
	if i < 0 || i > 64 {
		return parse.ErrNotMine
	}
	rule, rest, ok := strings.Cut(s[i+len("rule "):], "(match")
	if !ok || len(rule) > 32 || strings.IndexByte(rule, '/') < 0 {
		return parse.ErrNotMine
	}
	rest = strings.TrimLeft(rest, "):")
	action, rest, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
	way, rest, _ := strings.Cut(rest, " ")
	rest, ok = strings.CutPrefix(rest, "on ")
	if !ok || way != "in" && way != "out" {
		return parse.ErrNotMine
	}
	*ev = scan.Event{Packets: 1, Label: s[i : i+len("rule ")+strings.IndexByte(rule, '/')], Verdict: scan.VerdictUnknown}
	switch action {
	case "block":
		ev.Verdict = scan.VerdictDrop
	case "pass":
		ev.Verdict = scan.VerdictAllow
	}
	_, rest, ok = strings.Cut(rest, ": ")
	if !ok {
		return parse.ErrCutSource
	}
	src, rest, ok := strings.Cut(rest, " > ")
	if !ok {
		return parse.ErrCutSource
	}
	src = src[strings.LastIndexByte(src, ' ')+1:] // "IP 192.0.2.7.1 > "
	host, port := dotted(src)
	var err error
	if ev.SrcIP, err = parse.Source(host); err != nil {
		return err
	}
	ev.SrcPort = parse.Port(port)
	dst, rest, ok := strings.Cut(rest, ": ")
	if ok {
		host, port = dotted(dst)
		ev.DstIP, _ = parse.Addr(host)
		ev.DstPort = parse.Port(port)
		packet(strings.TrimLeft(rest, " "), ev)
	}
	ev.Direction = parse.Passing(way == "out", ev.SrcIP, ev.DstIP)
	return nil
}

// dotted cuts the port off "192.0.2.7.80" and "2001:db8::7.80".
func dotted(s string) (host, port string) {
	i := strings.LastIndexByte(s, '.')
	if i < 0 || strings.IndexByte(s, ':') < 0 && strings.Count(s, ".") != 4 {
		return s, ""
	}
	return s[:i], s[i+1:]
}

// packet reads what follows the addresses.
func packet(s string, ev *scan.Event) {
	word, rest, _ := strings.Cut(s, " ")
	switch {
	case word == "Flags":
		ev.Proto = "tcp"
		if list, _, ok := strings.Cut(strings.TrimPrefix(rest, "["), "]"); ok {
			ev.TCPFlags = letters(list)
		}
	case word == "udp" || word == "UDP,":
		ev.Proto = "udp"
	case strings.HasPrefix(word, "icmp6"), strings.HasPrefix(word, "ICMP6"):
		ev.Proto = "icmpv6"
	case strings.HasPrefix(word, "icmp"), word == "ICMP":
		ev.Proto = "icmp"
		icmp(rest, ev)
	case strings.HasPrefix(word, "igmp"):
		ev.Proto = "igmp"
	case strings.HasPrefix(s, "[|tcp]"):
		ev.Proto = "tcp"
	case strings.HasPrefix(s, "[|udp]"):
		ev.Proto = "udp"
	case decoded(word, rest, ev):
		ev.Proto = "udp"
	default:
		if f := letters(word); f.OK && ev.SrcPort.OK {
			f.V &^= scan.ACK
			if strings.Contains(rest, " ack ") || strings.HasPrefix(rest, "ack ") {
				f.V |= scan.ACK
			}
			ev.Proto, ev.TCPFlags = "tcp", f
			return
		}
		ev.Proto = parse.Proto(strings.TrimRight(word, ":,"))
	}
}

// letters reads tcpdump's letters of flags; the dot is ACK in newer versions and
// none of them in older ones, which tell "ack" apart.
func letters(s string) (f scan.Opt[scan.TCPFlags]) {
	if s == "" || len(s) > 8 {
		return f
	}
	for i := range len(s) {
		switch s[i] {
		case 'S':
			f.V |= scan.SYN
		case 'F':
			f.V |= scan.FIN
		case 'R':
			f.V |= scan.RST
		case 'P':
			f.V |= scan.PSH
		case 'U':
			f.V |= scan.URG
		case 'E':
			f.V |= scan.ECE
		case 'W':
			f.V |= scan.CWR
		case '.':
			f.V |= scan.ACK
		default:
			return scan.Opt[scan.TCPFlags]{}
		}
	}
	f.OK = true
	return f
}

// decoded knows NTP and DNS by how tcpdump prints them over UDP.
func decoded(word, rest string, ev *scan.Event) bool {
	is := func(port uint16) bool {
		return ev.SrcPort.OK && ev.SrcPort.V == port || ev.DstPort.OK && ev.DstPort.V == port
	}
	switch {
	case is(123):
		return len(word) == 2 && word[0] == 'v' || strings.HasPrefix(word, "NTPv")
	case is(53), is(5353), is(137):
		return word != "" && word[0]-'0' <= 9
	case is(67), is(68):
		return strings.HasPrefix(word, "BOOTP") || strings.Contains(rest, "xid:")
	}
	return false
}

func icmp(s string, ev *scan.Event) {
	s = strings.TrimLeft(s, ": ")
	switch {
	case strings.HasPrefix(s, "echo request"):
		ev.ICMPType = scan.Some[uint8](8)
	case strings.HasPrefix(s, "echo reply"):
		ev.ICMPType = scan.Some[uint8](0)
	case strings.Contains(s, "unreachable"):
		ev.ICMPType = scan.Some[uint8](3)
	case strings.HasPrefix(s, "time exceeded"):
		ev.ICMPType = scan.Some[uint8](11)
	case strings.HasPrefix(s, "redirect"):
		ev.ICMPType = scan.Some[uint8](5)
	}
}
