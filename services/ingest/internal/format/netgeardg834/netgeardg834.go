// Package netgeardg834 reads the firewall lines of Netgear's ADSL family (DG834,
// DG8xx, DGN), whose time is part of the envelope:
//
//	UDP Packet - Source:192.0.2.7,3478 Destination:198.51.100.9,1033 - [DOS]
//
// There is no published specification. The later variant
//
//	[Firewall Log-PORT SCAN] TCP Packet - 192.0.2.7 --> 198.51.100.9
//
// is known from the firmware's source only.
package netgeardg834

import (
	"net/netip"
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "netgear-dg834"

const (
	packet = " Packet"
	source = " - Source:"
	dest   = "Destination:"
	logged = "[Firewall Log-"
)

// Parse reads one line; see parse.Func. It claims "<protocol> Packet" with a
// source, as far as the line goes.
func Parse(line *envelope.Line, ev *scan.Event) error {
	s := line.Payload
	at := strings.Index(s, packet)
	if at < 1 {
		return parse.ErrNotMine
	}
	rest := s[at+len(packet):]
	proto := s[:at]
	if i := strings.LastIndexByte(proto, ' '); i >= 0 { // a host's name, or the later variant's label
		proto = proto[i+1:]
	}
	if label, ok := strings.CutPrefix(s, logged); ok && strings.HasPrefix(rest, " - ") {
		label, _, _ = strings.Cut(label, "]")
		return arrow(proto, label, rest[len(" - "):], ev)
	}
	if strings.Count(s[:at], " ") > 1 {
		return parse.ErrNotMine
	}
	// "ICMP Packet [Echo Request] - Source:"
	i := strings.Index(rest, source)
	if i < 0 || i > 0 && !strings.HasPrefix(rest, " [") {
		return parse.ErrNotMine
	}
	kind := strings.Trim(rest[:i], " []")
	rest = rest[i+len(source):]

	*ev = scan.Event{Packets: 1, Proto: parse.Proto(proto), Verdict: scan.VerdictUnknown}
	rest, err := from(rest, ev)
	if err != nil {
		return err
	}
	if to, tail, ok := destination(rest); ok {
		ev.DstIP, ev.DstPort = endpoint(to, !strings.Contains(tail, "["))
		rest = tail
	}
	if i := strings.LastIndex(rest, "- ["); i >= 0 {
		ev.Label = strings.TrimSuffix(rest[i+len("- ["):], "]")
	}
	finish(kind, ev)
	return nil
}

// from reads the source up to the destination and returns what follows it.
func from(s string, ev *scan.Event) (string, error) {
	value, rest := s, ""
	if i := strings.Index(s, dest); i >= 0 {
		value, rest = s[:i], s[i:]
	}
	addr, port, comma := strings.Cut(value, ",")
	addr = strings.TrimSpace(addr)
	if rest == "" && !comma && addr != "" {
		return "", parse.ErrCutSource
	}
	var err error
	if ev.SrcIP, err = parse.Source(addr); err != nil {
		return "", err
	}
	if rest != "" {
		ev.SrcPort = parse.Port(strings.TrimSpace(port))
	}
	return rest, nil
}

// destination cuts "Destination:<address>[,port]" from the label behind it.
func destination(s string) (value, tail string, ok bool) {
	s, ok = strings.CutPrefix(s, dest)
	if !ok {
		return "", s, false
	}
	if i := strings.Index(s, " - "); i >= 0 {
		return s[:i], s[i:], true
	}
	return s, "", true
}

// endpoint reads an address and a port; at the end of a line that was cut off
// the last of the two may lack digits and is left out.
func endpoint(s string, cut bool) (a netip.Addr, p scan.Opt[uint16]) {
	addr, port, comma := strings.Cut(s, ",")
	if cut && !comma {
		return a, p
	}
	a, _ = parse.Addr(strings.TrimSpace(addr))
	if !cut {
		p = parse.Port(strings.TrimSpace(port))
	}
	return a, p
}

// arrow reads "<source>[:port] --> <destination>[:port]". The destination ends the
// line, so that nothing tells whether it was cut off.
func arrow(proto, label, s string, ev *scan.Event) error {
	src, dst, whole := strings.Cut(s, "-->")
	addr, port, _ := strings.Cut(strings.TrimSpace(src), ":")
	*ev = scan.Event{Packets: 1, Proto: parse.Proto(proto), Verdict: scan.VerdictUnknown, Label: label}
	var err error
	if ev.SrcIP, err = parse.Source(addr); err != nil {
		return err
	}
	if !whole {
		return parse.ErrCutSource
	}
	ev.SrcPort = parse.Port(port)
	addr, port, _ = strings.Cut(strings.TrimSpace(dst), ":")
	ev.DstIP, _ = parse.Addr(addr)
	ev.DstPort = parse.Port(port)
	finish("", ev)
	return nil
}

// finish sets what follows from the fields. The router drops what it calls an
// attack; that a rule matched, or did not, says nothing of block or allow.
func finish(kind string, ev *scan.Event) {
	if strings.EqualFold(ev.Label, "DOS") || strings.EqualFold(ev.Label, "PORT SCAN") {
		ev.Verdict = scan.VerdictDrop
	}
	if ev.Proto == "icmp" && strings.EqualFold(kind, "Echo Request") {
		ev.ICMPType = scan.Some[uint8](8)
	}
	ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
}
