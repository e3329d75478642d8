// Package smcbarricade reads the security log of SMC's Barricade and of its many
// relatives (Belkin, Siemens Gigaset, Philips, T-Com Speedport, Arcadyan):
//
//	09/16/2010  16:08:41 **UDP Loop** 192.0.2.204, 42402->> 198.51.100.127, 7 (from PPPoE1 Inbound)
//	2010.04.13 03:24:42 **Smurf** 192.0.2.7->> 198.51.100.1, Type:5, Code:1 (from WAN Inbound)
//
// There is no published specification. The month comes first in the dates that
// have slashes.
package smcbarricade

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "smc-barricade"

const arrow = "->>"

// Parse reads one line; see parse.Func. It claims a line with a kind between
// double stars and an arrow.
func Parse(line *envelope.Line, ev *scan.Event) error {
	s := line.Payload
	open := strings.Index(s, "**")
	if open < 0 || open > 64 {
		return parse.ErrNotMine
	}
	kind, rest, ok := strings.Cut(s[open+2:], "**")
	if !ok || kind == "" || len(kind) > 64 || !strings.HasPrefix(rest, " ") {
		return parse.ErrNotMine
	}
	t, n := clock.MonthFirst(s)
	if n == 0 {
		t, n = clock.Dotted(s)
	}
	from, to, ok := strings.Cut(rest, arrow)
	switch {
	case ok:
	case n == 0 || len(rest) < 2 || rest[1]-'0' > 9:
		return parse.ErrNotMine
	case strings.IndexByte(rest, ',') < 0:
		return parse.ErrCutSource
	default:
		from, _, _ = strings.Cut(rest, ",") // the port may lack digits
	}
	if n > 0 {
		line.Own(t)
	}
	*ev = scan.Event{Packets: 1, Verdict: scan.VerdictDrop, Label: kind, Proto: proto(kind)}
	host, port, _ := strings.Cut(from, ",")
	var err error
	if ev.SrcIP, err = parse.Source(strings.TrimSpace(host)); err != nil {
		return err
	}
	ev.SrcPort = parse.Port(strings.TrimSpace(port))
	to, way, ok := strings.Cut(to, "(")
	if ok {
		destination(to, ev)
	}
	switch way = strings.TrimRight(way, ") "); {
	case strings.HasSuffix(way, " Outbound"):
		ev.Direction = scan.DirectionOut
	case strings.HasSuffix(way, " Inbound"):
		ev.Direction = scan.DirectionIn
	default:
		ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	}
	return nil
}

// destination reads " 198.51.100.1, 7 " or " 198.51.100.1, Type:5, Code:1 ".
func destination(s string, ev *scan.Event) {
	var f [4]string
	n := parse.Split(f[:], s, ',')
	ev.DstIP, _ = parse.Addr(strings.TrimSpace(f[0]))
	for _, v := range f[1:n] {
		v = strings.TrimSpace(v)
		if kind, ok := strings.CutPrefix(v, "Type:"); ok {
			ev.Proto, ev.ICMPType = "icmp", parse.Byte(kind)
		} else if code, ok := strings.CutPrefix(v, "Code:"); ok {
			ev.ICMPCode = parse.Byte(code)
		} else {
			ev.DstPort = parse.Port(v)
		}
	}
}

// proto takes the protocol from the kind where that leaves no doubt.
func proto(kind string) string {
	switch {
	case strings.HasPrefix(kind, "TCP "), strings.HasPrefix(kind, "SYN Flood"), strings.HasPrefix(kind, "Land"), strings.HasPrefix(kind, "WinNuke"):
		return "tcp"
	case strings.HasPrefix(kind, "UDP "), kind == "Fraggle", kind == "Snork", kind == "Probable ASCEND Probe":
		return "udp" // Ascend routers are probed at UDP port 9
	case strings.HasPrefix(kind, "ICMP "), strings.HasPrefix(kind, "Ping"), kind == "Smurf":
		return "icmp"
	}
	return ""
}
