// Package barracuda reads the firewall log of Barracuda CloudGen Firewall (NG
// Firewall): sessions that were allowed and blocked, scan detection and intrusion
// prevention.
//
//	Security GW1 LocalBlock: <cumulative>|UDP|eth0|192.0.2.7|0|00:00:00:00:00:00|198.51.100.9|811|||<no-match>|4003|||0|24|0|0|0|0||||||
//	Info     GW1 Allow: type=FWD|proto=TCP|srcIF=eth1|srcIP=192.0.2.7|srcPort=51234|srcMAC=...|dstIP=198.51.100.9|dstPort=23|dstService=telnet|dstIF=eth0|rule=IN|info=Normal Operation|srcNAT=...|dstNAT=...|duration=0|count=1|...
//	Security GW1 firewall: [Timer] SecurityEvent: (Address-Port Scan) 149 unallowed requests for source IP 192.0.2.7 within 60 seconds
//	Warning  GW1 firewall: [Request] Block: IPS TCP(6) 192.0.2.7:51234 -> 198.51.100.9:80 |[ID: 1 Name]|...
//
// The specification is Barracuda's "How to configure syslog streaming" with the
// columns of the firewall activity log. Equal attempts may be summed up:
// <cumulative> lines have their number in the column count.
package barracuda

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "barracuda"

// Parse reads one line; see parse.Func. The end of a session (Remove, Terminate),
// one that failed after it was allowed, and applications that were detected in it
// are nobody's.
func Parse(line *envelope.Line, ev *scan.Event) error {
	level, rest := word(line.Payload)
	switch level {
	case "Info", "Notice", "Warning", "Security", "Error", "Alert", "Fatal":
	default:
		return parse.ErrNotMine
	}
	_, rest = word(rest) // the device
	operation, rest := word(rest)
	if operation == "firewall:" {
		return firewall(rest, ev)
	}
	v, local, ok := verdict(operation)
	if !ok {
		return parse.ErrNotMine
	}
	if at := strings.IndexByte(rest, '|'); at < 0 || strings.IndexByte(rest[:at], ' ') >= 0 {
		return parse.ErrNotMine
	}
	*ev = scan.Event{Packets: 1, Verdict: v}
	return activity(rest, local, ev)
}

// verdict is that of an operation; local says that the packet was for the
// firewall itself.
func verdict(operation string) (v scan.Verdict, local, ok bool) {
	operation, ok = strings.CutSuffix(operation, ":")
	operation, local = strings.CutPrefix(operation, "Local")
	switch operation {
	case "Allow":
		v = scan.VerdictAllow
	case "Block", "Deny", "Drop":
		v = scan.VerdictDrop
	case "Scan":
		v = scan.VerdictAlert
	default:
		ok = false
	}
	return v, local, ok
}

// columns of the firewall activity log, by name and by place.
const (
	kind = iota
	proto
	srcIF
	srcIP
	srcPort
	srcMAC
	dstIP
	dstPort
	dstService
	dstIF
	rule
	info
	srcNAT
	dstNAT
	duration
	count
	columns
)

var names = [columns]string{kind: "type", proto: "proto", srcIP: "srcIP", srcPort: "srcPort", dstIP: "dstIP", dstPort: "dstPort", rule: "rule", count: "count"}

// activity reads columns with or without their names; the last one may be cut.
func activity(s string, local bool, ev *scan.Event) error {
	var f [columns]string
	n := 0
	named := strings.HasPrefix(s, "type=")
	for ; n < columns; n++ {
		v, rest, whole := strings.Cut(s, "|")
		if !whole {
			break
		}
		s = rest
		at := n
		if named {
			key, value, _ := strings.Cut(v, "=")
			if at = column(key); at < 0 {
				continue
			}
			v = value
		}
		f[at] = v
	}
	if f[srcIP] == "" && n <= srcIP {
		return parse.ErrCutSource
	}
	var err error
	if ev.SrcIP, err = parse.Source(f[srcIP]); err != nil {
		return err
	}
	ev.Proto = parse.Proto(f[proto])
	ev.DstIP, _ = parse.Addr(f[dstIP])
	ev.Label = f[rule]
	if n, ok := parse.Count(f[count]); ok {
		ev.Packets = n
	}
	switch ev.Proto {
	case "tcp", "udp", "sctp":
		ev.DstPort = parse.Port(f[dstPort])
		if ev.SrcPort = parse.Port(f[srcPort]); f[kind] == "<cumulative>" && ev.SrcPort.V == 0 {
			ev.SrcPort = scan.Opt[uint16]{} // of many attempts
		}
	}
	switch {
	case f[kind] == "LOUT":
		ev.Direction = scan.DirectionOut
	case (f[kind] == "LIN" || local) && scan.Public(ev.SrcIP):
		ev.Direction = scan.DirectionIn
	default:
		ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	}
	return nil
}

func column(name string) int {
	for i, n := range names {
		if n == name && n != "" {
			return i
		}
	}
	return -1
}

// firewall reads the two kinds of alerts.
func firewall(s string, ev *scan.Event) error {
	source, s := word(s)
	switch source {
	case "[Timer]":
		s, ok := strings.CutPrefix(s, "SecurityEvent: ")
		if !ok {
			return parse.ErrNotMine
		}
		return timer(s, ev)
	case "[Request]":
		operation, s := word(s)
		v, _, ok := verdict(operation)
		module, s := word(s)
		if !ok || module != "IPS" {
			return parse.ErrNotMine
		}
		if v == scan.VerdictAllow { // reported only
			v = scan.VerdictAlert
		}
		*ev = scan.Event{Packets: 1, Verdict: v}
		return intrusion(s, ev)
	}
	return parse.ErrNotMine
}

// timer reads "(Address-Port Scan) 149 unallowed requests for source IP 192.0.2.7
// within 60 seconds".
func timer(s string, ev *scan.Event) error {
	what, addr, ok := strings.Cut(s, "source IP ")
	if !ok {
		return parse.ErrNotMine
	}
	addr, _, whole := strings.Cut(addr, " ")
	if !whole {
		return parse.ErrCutSource
	}
	*ev = scan.Event{Packets: 1, Verdict: scan.VerdictAlert}
	var err error
	if ev.SrcIP, err = parse.Source(addr); err != nil {
		return err
	}
	if name, rest, ok := strings.Cut(strings.TrimPrefix(what, "("), ")"); ok {
		ev.Label = name
		number, _ := word(rest)
		if n, ok := parse.Count(number); ok {
			ev.Packets = n
		}
	}
	ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	return nil
}

// intrusion reads "TCP(6) 192.0.2.7:51234 -> 198.51.100.9:80 |[ID: 1 Name]|...".
func intrusion(s string, ev *scan.Event) error {
	name, s := word(s)
	src, s, ok := strings.Cut(s, " -> ")
	if !ok {
		return parse.ErrCutSource
	}
	dst, s, whole := strings.Cut(s, "|")
	if _, number, ok := strings.Cut(name, "("); ok {
		number, _, _ = strings.Cut(number, ")")
		if ev.Proto = parse.Proto(number); number == "0" { // any
			ev.Proto = ""
		}
	}
	host, port := parse.HostPort(strings.TrimSpace(src))
	var err error
	if ev.SrcIP, err = parse.Source(host); err != nil {
		return err
	}
	ev.SrcPort = parse.Port(port)
	if whole {
		host, port = parse.HostPort(strings.TrimSpace(dst))
		ev.DstIP, _ = parse.Addr(host)
		ev.DstPort = parse.Port(port)
	}
	if ev.Proto != "tcp" && ev.Proto != "udp" {
		ev.SrcPort, ev.DstPort = scan.Opt[uint16]{}, scan.Opt[uint16]{}
	}
	ev.Label, _, _ = strings.Cut(strings.TrimPrefix(s, "["), "]")
	ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	return nil
}

func word(s string) (w, rest string) {
	w, rest, _ = strings.Cut(strings.TrimLeft(s, " "), " ")
	return w, strings.TrimLeft(rest, " ")
}
