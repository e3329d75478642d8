// Package windowsfirewall reads the pfirewall.log of Windows:
//
//	#Fields: date time action protocol src-ip dst-ip src-port dst-port size tcpflags tcpsyn tcpack tcpwin icmptype icmpcode info path
//	2005-04-11 08:05:57 DROP UDP 192.0.2.90 198.51.100.7 1631 2234 37 - - - - - - - RECEIVE
//
// The specification is W3C's Extended Log File Format and "Interpreting the
// Windows Firewall log" of Microsoft. Date and time open the line and are read by
// the envelope.
package windowsfirewall

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "windows-firewall"

// usual are the columns of a log whose header is missing.
var usual = &envelope.Header{Format: Name, Columns: []string{"action", "protocol", "src-ip", "dst-ip", "src-port", "dst-port",
	"size", "tcpflags", "tcpsyn", "tcpack", "tcpwin", "icmptype", "icmpcode", "info", "path", "pid"}}

// maxColumns bounds what a header may name.
const maxColumns = 32

// Parse reads one line; see parse.Func. It claims the header that names src-ip,
// and lines that begin with one of the log's actions.
func Parse(line *envelope.Line, ev *scan.Event) error {
	s := line.Payload
	if strings.HasPrefix(s, "#") {
		return header(line, s)
	}
	action, rest, _ := strings.Cut(s, " ")
	switch action {
	case "DROP", "ALLOW", "OPEN", "OPEN-INBOUND", "CLOSE", "INFO-EVENTS-LOST":
	default:
		return parse.ErrNotMine
	}
	h := usual
	if line.Header != nil && line.Header.Format == Name {
		h = line.Header
	}
	var f [maxColumns]string
	n := parse.Split(f[:], s, ' ')
	proto, _, _ := strings.Cut(rest, " ")
	if proto != "-" && parse.Proto(proto) == "" {
		return parse.ErrNotMine
	}
	if n < 7 {
		return parse.ErrCutSource
	}
	switch action {
	case "CLOSE":
		return parse.ErrNotMine // what was opened has a line of its own
	case "INFO-EVENTS-LOST":
		return lost(f[:n], h)
	}
	return packet(f[:n], h, ev)
}

// header reads "#Fields: date time action ...".
func header(line *envelope.Line, s string) error {
	s, ok := strings.CutPrefix(s, "#Fields:")
	if !ok || !strings.Contains(s, " src-ip ") {
		return parse.ErrNotMine
	}
	h := &envelope.Header{Format: Name}
	for name := range strings.FieldsSeq(s) {
		if name != "date" && name != "time" && len(h.Columns) < maxColumns {
			h.Columns = append(h.Columns, name)
		}
	}
	line.Header = h
	return parse.ErrHeader
}

// lost reads how many events the log has lost, which stands in the info column.
func lost(f []string, h *envelope.Header) error {
	gap := &parse.Gap{Reason: "INFO-EVENTS-LOST"}
	for i, v := range f {
		if i < len(h.Columns) && h.Columns[i] == "info" {
			gap.Packets, _ = parse.Count(v)
		}
	}
	return gap
}

func packet(f []string, h *envelope.Header, ev *scan.Event) error {
	*ev = scan.Event{Packets: 1, Verdict: scan.VerdictAllow, Label: f[0]}
	var src, path string
	for i, v := range f {
		if i == len(h.Columns) {
			break
		}
		if v == "-" {
			continue
		}
		switch h.Columns[i] {
		case "action":
			if v == "DROP" {
				ev.Verdict = scan.VerdictDrop
			}
		case "protocol":
			ev.Proto = parse.Proto(v)
		case "src-ip":
			src = v
		case "dst-ip":
			ev.DstIP, _ = parse.Addr(v)
		case "src-port":
			ev.SrcPort = parse.Port(v)
		case "dst-port":
			ev.DstPort = parse.Port(v)
		case "tcpflags":
			if t, err := scan.ParseTCPFlags(v); err == nil {
				ev.TCPFlags = scan.Some(t)
			}
		case "icmptype":
			ev.ICMPType = parse.Byte(v)
		case "icmpcode":
			ev.ICMPCode = parse.Byte(v)
		case "path":
			path = v
		}
	}
	if ev.Proto == "icmp" || ev.Proto == "icmpv6" {
		ev.SrcPort, ev.DstPort = scan.Opt[uint16]{}, scan.Opt[uint16]{}
	}
	var err error
	if ev.SrcIP, err = parse.Source(src); err != nil {
		return err
	}
	switch {
	case path == "SEND", f[0] == "OPEN":
		ev.Direction = scan.DirectionOut
	case path == "RECEIVE" && scan.Public(ev.SrcIP), f[0] == "OPEN-INBOUND":
		ev.Direction = scan.DirectionIn
	default:
		ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	}
	return nil
}
