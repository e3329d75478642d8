// Package bthomehub reads the firewall lines of Thomson's SpeedTouch and of BT's
// Home Hubs, which SpeedTouches were until the third:
//
//	11:27:10  15 Jan<TAB>FIREWALL icmp check (1 of 2): Protocol: ICMP Src ip: 192.0.2.175 Dst ip: 198.51.100.228 Type: Destination Unreachable Code: Host Unreacheable
//	FIREWALL rule (1 of 1) : Protocol: UDP Src ip: 192.0.2.7 Src port: 1026 Dst ip: 198.51.100.9 Dst port: 137 Chain: sink Rule Id: 1 Action: drop
//	IDS scan parser : tcp port scan: 192.0.2.7 scanned at least 10 ports at 198.51.100.9. (1 of 1) : 192.0.2.7 198.51.100.9 0040 TCP 4242->21
//	IN: BLOCK [16] Remote administration (TCP [192.0.2.7]:1234->[198.51.100.9]:80 on ppp0)
//
// There is no published specification; the last three are known from descriptions
// only. "(1 of 5)" is the first of five packets, each of which has a line.
package bthomehub

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "bt-homehub"

// Parse reads one line; see parse.Func.
func Parse(line *envelope.Line, ev *scan.Event) error {
	s := line.Payload
	if t, n := clock.TimeFirst(s); n > 0 {
		if line.Stamp.IsZero() {
			line.Own(t)
		}
		s = strings.TrimLeft(s[n:], " \t")
	}
	if _, rest, ok := strings.Cut(s, " "); ok && !line.Stamp.IsZero() && (strings.HasPrefix(rest, "FIREWALL ") || strings.HasPrefix(rest, "IDS ")) {
		s = rest // the host of a syslog header
	}
	switch {
	case strings.HasPrefix(s, "FIREWALL "):
		return firewall(s[len("FIREWALL "):], ev)
	case strings.HasPrefix(s, "IDS "):
		return ids(s[len("IDS "):], ev)
	case strings.HasPrefix(s, "IN: "), strings.HasPrefix(s, "OUT: "):
		return hub(s, ev)
	case strings.HasPrefix(s, "BLOCKED "):
		return more(s)
	}
	return parse.ErrNotMine
}

// firewall reads "<label> (n of m): Protocol: ... Src ip: ...".
func firewall(s string, ev *scan.Event) error {
	i := strings.Index(s, "Protocol: ")
	if i < 0 {
		return parse.ErrNotMine
	}
	label, _, _ := strings.Cut(s[:i], " (")
	*ev = scan.Event{Packets: 1, Verdict: scan.VerdictUnknown, Label: label}
	s = s[i:]
	proto, _ := value(s, "Protocol: ", "Src ip: ")
	ev.Proto = parse.Proto(proto)
	src, whole := value(s, "Src ip: ", "Src port: ", "Dst ip: ")
	if !whole {
		return parse.ErrCutSource
	}
	var err error
	if ev.SrcIP, err = parse.Source(src); err != nil {
		return err
	}
	if port, ok := value(s, "Src port: ", "Dst ip: "); ok {
		ev.SrcPort = parse.Port(port)
	}
	if dst, ok := value(s, "Dst ip: ", "Dst port: ", "Type: ", "Chain: "); ok {
		ev.DstIP, _ = parse.Addr(dst)
	}
	if port, ok := value(s, "Dst port: ", "Chain: "); ok {
		ev.DstPort = parse.Port(port)
	}
	if kind, ok := value(s, "Type: ", "Code: "); ok {
		ev.ICMPType = number(types[:], kind)
		if code, _ := value(s, "Code: "); ev.ICMPType.V == 3 && ev.ICMPType.OK {
			ev.ICMPCode = number(codes[:], code)
		}
	}
	if action, _ := value(s, "Action: "); action != "" {
		ev.Verdict = parse.Verdict(action)
	}
	ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	return nil
}

// value cuts what stands between a key and the first of the next keys; without
// any of them it is the rest of the line, and not whole.
func value(s, key string, next ...string) (v string, whole bool) {
	_, v, ok := strings.Cut(s, key)
	if !ok {
		return "", false
	}
	for _, k := range next {
		if i := strings.Index(v, k); i >= 0 {
			return strings.TrimSpace(v[:i]), true
		}
	}
	return strings.TrimSpace(v), false
}

// The names of ICMP types, and of the codes of type 3, spelt as the firmware does.
var (
	types = [...]named{
		{"Echo Reply", 0}, {"Destination Unreachable", 3}, {"Source Quench", 4}, {"Redirect", 5}, {"Echo Request", 8},
		{"Time Exceeded", 11}, {"Parameter Problem", 12}, {"Timestamp Request", 13}, {"Timestamp Reply", 14},
	}
	codes = [...]named{
		{"Net Unreacheable", 0}, {"Network Unreacheable", 0}, {"Host Unreacheable", 1}, {"Protocol Unreacheable", 2}, {"Port Unreacheable", 3},
	}
)

type named struct {
	name  string
	value uint8
}

func number(list []named, s string) scan.Opt[uint8] {
	for i := range list {
		if strings.EqualFold(list[i].name, s) {
			return scan.Some(list[i].value)
		}
	}
	return parse.Byte(s)
}

// ids reads "scan parser : <what>: ... (1 of 1) : <src> <dst> <length> <proto> <sport>-><dport>".
func ids(s string, ev *scan.Event) error {
	kind, rest, ok := strings.Cut(s, " parser : ")
	if !ok {
		return parse.ErrNotMine
	}
	label := rest
	if i := strings.IndexByte(rest, ':'); i > 0 {
		label = rest[:i]
	}
	label, _, _ = strings.Cut(label, " (")
	i := strings.LastIndex(rest, ") : ")
	if i < 0 {
		return parse.ErrCutSource
	}
	*ev = scan.Event{Packets: 1, Verdict: scan.VerdictAlert, Label: kind + ": " + label}
	var f [5]string
	n := parse.Split(f[:], rest[i+len(") : "):], ' ')
	if n < 2 {
		return parse.ErrCutSource
	}
	var err error
	if ev.SrcIP, err = parse.Source(f[0]); err != nil {
		return err
	}
	if n > 2 {
		ev.DstIP, _ = parse.Addr(f[1])
	}
	if n > 4 {
		ev.Proto = parse.Proto(f[3])
		if sport, dport, ok := strings.Cut(f[4], "->"); ok {
			ev.SrcPort, ev.DstPort = parse.Port(sport), parse.Port(dport)
		}
	}
	ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	return nil
}

// hub reads "IN: BLOCK [16] <why> (TCP [a]:p->[b]:q on ppp0)".
func hub(s string, ev *scan.Event) error {
	way, rest, _ := strings.Cut(s, ": ")
	action, rest, _ := strings.Cut(rest, " [")
	open := strings.LastIndexByte(rest, '(')
	if open < 0 || action != "BLOCK" && action != "ACCEPT" {
		return parse.ErrNotMine
	}
	_, label, _ := strings.Cut(rest[:open], "] ")
	*ev = scan.Event{Packets: 1, Verdict: parse.Verdict(action), Label: strings.TrimSpace(label), Direction: scan.DirectionIn}
	if way == "OUT" {
		ev.Direction = scan.DirectionOut
	}
	proto, rest, _ := strings.Cut(rest[open+1:], " ")
	ev.Proto = parse.Proto(proto)
	src, rest, ok := strings.Cut(rest, "->")
	if !ok {
		return parse.ErrCutSource
	}
	host, port := parse.HostPort(src)
	var err error
	if ev.SrcIP, err = parse.Source(strings.Trim(host, "[]")); err != nil {
		return err
	}
	ev.SrcPort = parse.Port(port)
	if dst, _, ok := strings.Cut(rest, " "); ok {
		host, port = parse.HostPort(dst)
		ev.DstIP, _ = parse.Addr(strings.Trim(host, "[]"))
		ev.DstPort = parse.Port(port)
	}
	return nil
}

// more reads "BLOCKED 2 more packets (because of Packet invalid in connection)".
func more(s string) error {
	count, rest, _ := strings.Cut(s[len("BLOCKED "):], " ")
	n, ok := parse.Count(count)
	if !ok || !strings.HasPrefix(rest, "more packets") {
		return parse.ErrNotMine
	}
	return &parse.Gap{Packets: n, Reason: s}
}
