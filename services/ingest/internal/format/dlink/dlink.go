// Package dlink reads the firewall lines of D-Link's routers, which know three
// forms:
//
//	Unrecognized attempt blocked from 192.0.2.7:6000 to 198.51.100.9 TCP:9415          DI-6xx
//	ICMP: type 3 code 1 from 192.0.2.7
//	Blocked incoming UDP packet from 192.0.2.7:6346 to 198.51.100.9:45594              DIR-6xx
//	Blocked incoming TCP packet from 192.0.2.7:80 to 198.51.100.9:1042 as FIN:ACK received but there is no active connection
//	Mar/13/2007 10:24:52 <TAB>Drop TCP packet from WAN<TAB>192.0.2.7:62596<TAB>198.51.100.9:62669<TAB>Rule: Default deny
//
// There is no published specification.
package dlink

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "dlink"

const (
	attempt = "attempt blocked from "
	blocked = "Blocked "
	icmp    = "ICMP: type "
	wan     = " packet from "
)

// Parse reads one line; see parse.Func. It claims the forms above. "Dos Attack
// type" names no source and is nobody's.
func Parse(line *envelope.Line, ev *scan.Event) error {
	s := strings.TrimRight(line.Payload, " ")
	if i := strings.Index(s, attempt); i >= 0 && i <= len("Unrecognized ") {
		return unrecognised(s[:i+len("attempt blocked")], s[i+len(attempt):], ev)
	}
	if strings.HasPrefix(s, icmp) {
		return message(s[len(icmp):], ev)
	}
	if i := strings.Index(s, blocked); i >= 0 && i < 80 {
		return packet(line, s, i, ev)
	}
	if strings.IndexByte(s, '\t') > 0 {
		return table(line, s, ev)
	}
	return parse.ErrNotMine
}

// unrecognised reads "192.0.2.7:6000 to 198.51.100.9 TCP:9415".
func unrecognised(label, s string, ev *scan.Event) error {
	*ev = scan.Event{Packets: 1, Verdict: scan.VerdictDrop, Direction: scan.DirectionIn, Label: label}
	src, rest, whole := strings.Cut(s, " ")
	if err := source(src, whole, ev); err != nil {
		return err
	}
	rest, ok := strings.CutPrefix(rest, "to ")
	if !ok {
		return nil
	}
	dst, service, ok := strings.Cut(rest, " ")
	if !ok {
		return nil
	}
	ev.DstIP, _ = parse.Addr(dst)
	proto, port, _ := strings.Cut(service, ":")
	ev.Proto = parse.Proto(proto)
	ev.DstPort = parse.Port(port)
	return nil
}

// message reads "3 code 1 from 192.0.2.7".
func message(s string, ev *scan.Event) error {
	kind, rest, ok := strings.Cut(s, " code ")
	if !ok {
		return parse.ErrNotMine
	}
	code, from, ok := strings.Cut(rest, " from ")
	if !ok {
		return parse.ErrNotMine
	}
	*ev = scan.Event{Packets: 1, Verdict: scan.VerdictUnknown, Proto: "icmp", ICMPType: parse.Byte(kind), ICMPCode: parse.Byte(code)}
	if err := source(from, true, ev); err != nil {
		return err
	}
	ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	return nil
}

// packet reads "Blocked incoming TCP packet from 192.0.2.7:80 to 198.51.100.9:1042
// as FIN:ACK received ...", at i.
func packet(line *envelope.Line, s string, i int, ev *scan.Event) error {
	before, s := s[:i], s[i:]
	way, rest, _ := strings.Cut(s[len(blocked):], " ")
	if way != "incoming" && way != "outgoing" {
		return parse.ErrNotMine
	}
	kind, rest, ok := strings.Cut(rest, " from ")
	if !ok {
		return parse.ErrNotMine
	}
	if level, date, ok := strings.Cut(before, "] "); ok && strings.HasPrefix(level, "[") { // "[INFO] Fri Apr ..."
		if t, n := clock.Ctime(date); n > 0 {
			line.Own(t)
		}
	}
	*ev = scan.Event{Packets: 1, Verdict: scan.VerdictDrop, Direction: scan.DirectionIn, Label: s[:len(blocked)+len(way)+1+len(kind)]}
	if way == "outgoing" {
		ev.Direction = scan.DirectionOut
	}
	proto, rest2, _ := strings.Cut(kind, " ")
	ev.Proto = parse.Proto(proto)
	if _, t, ok := strings.Cut(rest2, "ICMP type "); ok {
		ev.ICMPType = parse.Byte(strings.TrimRight(t, ")"))
	}
	src, rest, whole := strings.Cut(rest, " ")
	if err := source(src, whole, ev); err != nil {
		return err
	}
	if rest, ok = strings.CutPrefix(rest, "to "); !ok {
		return nil
	}
	dst, why, _ := strings.Cut(rest, " ")
	host, port := parse.HostPort(dst)
	ev.DstIP, _ = parse.Addr(host)
	ev.DstPort = parse.Port(port)
	if why, ok = strings.CutPrefix(why, "as "); ok && ev.Proto == "tcp" {
		if flags, _, ok := strings.Cut(why, " received"); ok {
			ev.TCPFlags = parse.Flags(flags)
		}
	}
	return nil
}

// table reads the columns that tabs separate.
func table(line *envelope.Line, s string, ev *scan.Event) error {
	var f [6]string
	n := parse.Split(f[:], s, '\t')
	if n < 2 || !strings.Contains(f[1], wan) {
		return parse.ErrNotMine
	}
	action, rest, _ := strings.Cut(f[1], " ")
	proto, from, ok := strings.Cut(rest, wan)
	if !ok {
		return parse.ErrNotMine
	}
	if t, n := clock.MonthSlash(f[0]); n > 0 {
		line.Own(t)
	}
	*ev = scan.Event{Packets: 1, Verdict: parse.Verdict(action), Proto: parse.Proto(proto), Direction: scan.DirectionIn, Label: f[1]}
	if action == "Pass" {
		ev.Verdict = scan.VerdictAllow
	}
	if n < 4 {
		return parse.ErrCutSource
	}
	if err := source(f[2], true, ev); err != nil {
		return err
	}
	host, port := parse.HostPort(f[3])
	ev.DstIP, _ = parse.Addr(host)
	ev.DstPort = parse.Port(port)
	if strings.HasPrefix(from, "LAN") {
		ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	}
	return nil
}

// source reads an address with a port; whole says that it is complete.
func source(s string, whole bool, ev *scan.Event) (err error) {
	host, port := parse.HostPort(s)
	if !whole {
		return parse.ErrCutSource
	}
	if ev.SrcIP, err = parse.Source(host); err == nil {
		ev.SrcPort = parse.Port(port)
	}
	return err
}
