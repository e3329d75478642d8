// Package stormshield reads the filter and alarm logs of Stormshield Network
// Security:
//
//	time="2023-11-23 06:49:20" fw="SN1" tz=+0100 startime="2023-11-23 06:49:20" ipproto=tcp src=192.0.2.44 srcport=1234 dst=198.51.100.88 dstport=5678 action=block msg="packet too short" logtype="alarm"
//
// The specification is Stormshield's "Description of Audit logs". Its connection
// log tells the end of what the filter has let through.
package stormshield

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "stormshield"

// Parse reads one line; see parse.Func. It claims filter logs, and alarms that
// name a source.
func Parse(line *envelope.Line, ev *scan.Event) error {
	s := line.Payload
	if !strings.Contains(s, " logtype=") || !strings.Contains(s, " startime=") {
		return parse.ErrNotMine
	}
	var kind, at, tz, src, dst, proto, action, msg, rule, repeat string
	*ev = scan.Event{Packets: 1}
	for p := parse.KeyValues(s); p.Next(); {
		switch p.Key {
		case "logtype":
			kind = p.Value
		case "time":
			at = p.Value
		case "tz":
			tz = p.Value
		case "src":
			src = p.Value
		case "srcport":
			ev.SrcPort = parse.Port(p.Value)
		case "dst":
			dst = p.Value
		case "dstport":
			ev.DstPort = parse.Port(p.Value)
		case "ipproto":
			proto = p.Value
		case "icmptype":
			ev.ICMPType = parse.Byte(p.Value)
		case "icmpcode":
			ev.ICMPCode = parse.Byte(p.Value)
		case "action":
			action = p.Value
		case "msg":
			msg = p.Value
		case "ruleid":
			rule = p.Value
		case "repeat":
			repeat = p.Value
		}
	}
	if kind != "filter" && (kind != "alarm" || src == "") {
		return parse.ErrNotMine
	}
	if t, n := clock.ISO(at); n > 0 {
		t.In(tz)
		line.Own(t)
	}
	if n, ok := parse.Count(repeat); ok {
		ev.Packets = n
	}
	ev.Proto = parse.Proto(proto)
	if ev.Label = msg; msg == "" {
		ev.Label = rule
	}
	switch {
	case action == "block":
		ev.Verdict = scan.VerdictDrop
	case action == "reset":
		ev.Verdict = scan.VerdictReject
	case kind == "alarm":
		ev.Verdict = scan.VerdictAlert
	case action == "pass" || action == "decrypt" || action == "nat":
		ev.Verdict = scan.VerdictAllow
	default:
		ev.Verdict = scan.VerdictUnknown
	}
	var err error
	if ev.SrcIP, err = parse.Source(src); err != nil {
		return err
	}
	ev.DstIP, _ = parse.Addr(dst)
	ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	return nil
}
