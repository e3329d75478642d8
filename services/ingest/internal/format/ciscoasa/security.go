package ciscoasa

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// security reads the security events of Threat Defense: 430001 intrusions, 430002
// connections when they begin, 430003 when they end. A rule logs one of the
// latter two or both, which no line tells.
//
//	DeviceUUID: ..., FirstPacketSecond: 2021-04-30T11:31:19Z, AccessControlRuleAction: Block, SrcIP: 192.0.2.7,
//	DstIP: 198.51.100.9, SrcPort: 51234, DstPort: 23, Protocol: tcp, AccessControlRuleName: no telnet
func security(line *envelope.Line, id int, body string, ev *scan.Event) error {
	*ev = scan.Event{Packets: 1, Verdict: scan.VerdictUnknown}
	if id == 430001 {
		ev.Verdict = scan.VerdictAlert
	}
	var src, icmpType string
	found, decided := false, false
	for body != "" {
		var key, value string
		var whole bool
		key, value, body, whole = field(body)
		switch key { // what comes later, such as a browser's name, is a stranger's text
		case "SrcIP":
			if found {
				continue
			}
			if !whole {
				return parse.ErrCutSource
			}
			src, found = value, true
		case "DstIP":
			if whole && !ev.DstIP.IsValid() {
				ev.DstIP, _ = parse.Addr(value)
			}
		case "SrcPort":
			if whole && !ev.SrcPort.OK {
				ev.SrcPort = parse.Port(value)
			}
		case "DstPort":
			if whole && !ev.DstPort.OK {
				ev.DstPort = parse.Port(value)
			}
		case "Protocol":
			if whole && ev.Proto == "" {
				ev.Proto = parse.Proto(value)
			}
		case "ICMPType":
			icmpType = value
		case "AccessControlRuleAction", "InlineResult":
			if v := action(key, value); v != "" && !decided {
				ev.Verdict, decided = v, true
			}
		case "AccessControlRuleName":
			if id != 430001 && ev.Label == "" {
				ev.Label = value
			}
		case "Message":
			if id == 430001 && ev.Label == "" {
				ev.Label = value
			}
		case "FirstPacketSecond":
			if t, n := clock.ISO(value); n > 0 && n == len(value) {
				line.Own(t)
			}
		}
	}
	if !found {
		return errNoSource
	}
	var err error
	if ev.SrcIP, err = parse.Source(src); err != nil {
		return err
	}
	if strings.HasPrefix(ev.Proto, "icmp") {
		switch icmpType {
		case "Echo Request":
			ev.ICMPType = scan.Some[uint8](8)
			if ev.SrcIP.Is6() {
				ev.ICMPType.V = 128
			}
		default:
			ev.ICMPType = parse.Byte(icmpType)
		}
	}
	ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	protocolFields(ev)
	return nil
}

// action is the verdict of a rule or of an intrusion rule.
func action(key, value string) scan.Verdict {
	value = strings.TrimSpace(strings.TrimPrefix(value, "<br/>"))
	switch {
	case key == "InlineResult" && (value == "Blocked" || value == "Dropped" || value == "Block"):
		return scan.VerdictDrop
	case key == "InlineResult":
		return ""
	case strings.HasSuffix(value, "with reset") || strings.HasSuffix(value, "with Reset"):
		return scan.VerdictReject
	case strings.HasPrefix(value, "Block") || value == "Interactive Block":
		return scan.VerdictDrop
	case value == "Allow" || value == "Trust" || value == "Fastpath" || value == "Monitor" || value == "Interactive Bypass":
		return scan.VerdictAllow
	}
	return ""
}

// field cuts the first "key: value, ". A value has commas in quotes only.
func field(s string) (key, value, rest string, whole bool) {
	key, rest, ok := strings.Cut(s, ":")
	if !ok {
		return "", "", "", false
	}
	rest = strings.TrimLeft(rest, " ")
	if i := strings.LastIndex(key, ", "); i >= 0 { // the rest of a value that had a comma after all
		key = key[i+2:]
	}
	key = strings.TrimSpace(key)
	if quoted, ok := strings.CutPrefix(rest, `"`); ok {
		if value, rest, ok = strings.Cut(quoted, `"`); ok {
			return key, value, strings.TrimLeft(rest, ", "), true
		}
		return key, quoted, "", false
	}
	value, rest, whole = strings.Cut(rest, ", ")
	return key, strings.TrimRight(value, " "), rest, whole
}
