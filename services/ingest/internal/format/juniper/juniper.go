// Package juniper reads what Junos logs of packets: the screens, policies and
// intrusion prevention of SRX firewalls, and firewall filters. Each message comes
// as structured data of RFC 5424 or as plain text.
//
//	RT_IDS - RT_SCREEN_TCP [junos@2636.1.1.1.2.39 attack-name="TCP port scan!" source-address="192.0.2.7" source-port="6000" destination-address="198.51.100.9" destination-port="23" source-zone-name="untrust" interface-name="ge-0/0/0.0" action="drop"]
//	RT_IDS: RT_SCREEN_TCP: TCP port scan! source: 192.0.2.7:6000, destination: 198.51.100.9:23, zone name: untrust, interface name: ge-0/0/0.0, action: drop
//	RT_FLOW: RT_FLOW_SESSION_DENY: session denied 192.0.2.7/51234->198.51.100.9/23 junos-telnet 6(0) default-deny untrust trust
//
// The specification is Juniper's "System Log Explorer".
package juniper

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "juniper"

var errNoSource = parse.Reject("no source in the line")

// Parse reads one line; see parse.Func. It claims the messages about a packet or
// the beginning of a session. Screens that count by destination name no source:
// those lines are rejected, so that each is kept. The end of a session, web
// filters and the state of the device are nobody's.
func Parse(line *envelope.Line, ev *scan.Event) error {
	kind, body := line.Kind, line.Payload
	if !known(kind) {
		if kind, body = message(line.Payload); kind == "" {
			return parse.ErrNotMine
		}
	}
	switch {
	case strings.HasPrefix(kind, "RT_SCREEN_"):
		*ev = scan.Event{Packets: 1, Verdict: scan.VerdictAlert, Proto: screened(kind)}
		if pairs, ok := structured(body); ok {
			return fields(pairs, ev)
		}
		return screen(body, ev)
	case strings.HasPrefix(kind, "RT_FLOW_SESSION_CREATE"), strings.HasPrefix(kind, "RT_FLOW_SESSION_DENY"):
		*ev = scan.Event{Packets: 1, Verdict: scan.VerdictAllow}
		if strings.HasPrefix(kind, "RT_FLOW_SESSION_DENY") {
			ev.Verdict = scan.VerdictDrop
		}
		if pairs, ok := structured(body); ok {
			return fields(pairs, ev)
		}
		return session(body, ev)
	case strings.HasPrefix(kind, "IDP_"):
		*ev = scan.Event{Packets: 1, Verdict: scan.VerdictAlert}
		if pairs, ok := structured(body); ok {
			return fields(pairs, ev)
		}
		return attack(body, ev)
	case strings.HasPrefix(kind, "PFE_FW_SYSLOG_IP"):
		return filter(body, ev)
	}
	return parse.ErrNotMine
}

// marks begin the names of the messages.
var marks = [...]string{"RT_SCREEN_", "RT_FLOW_SESSION_", "IDP_ATTACK_LOG_EVENT", "IDP_APPDDOS_APP_ATTACK_EVENT", "PFE_FW_SYSLOG_IP"}

func known(kind string) bool {
	for _, mark := range marks {
		if strings.HasPrefix(kind, mark) {
			return true
		}
	}
	return false
}

// message finds the name of a message, which stands free near the beginning of
// the line, and the text behind it.
func message(s string) (kind, body string) {
	head := s[:min(len(s), 128)]
	for _, mark := range marks {
		i := strings.Index(head, mark)
		if i < 0 || i > 0 && s[i-1] != ' ' && s[i-1] != '-' {
			continue
		}
		end := i + len(mark)
		for end < len(s) && (s[end]-'A' < 26 || s[end]-'0' <= 9 || s[end] == '_') {
			end++
		}
		body = strings.TrimLeft(s[end:], " ")
		if body == "" || body[0] != ':' && body[0] != '[' {
			continue // somebody only speaks of it
		}
		return s[i:end], strings.TrimLeft(body, ": ")
	}
	return "", ""
}

// structured returns the pairs of structured data.
func structured(s string) (string, bool) {
	if s == "" || s[0] != '[' {
		return "", false
	}
	return s[1:], true
}

// screened returns the protocol that a screen's name tells.
func screened(kind string) string {
	kind = kind[len("RT_SCREEN_"):]
	for _, p := range [...]string{"TCP", "UDP", "ICMP"} {
		if strings.HasPrefix(kind, p) {
			return parse.Proto(p)
		}
	}
	return ""
}

// zones tells the direction from the zones, of which only the one called untrust
// is sure to be outside, or else from the addresses.
func zones(from, to string, ev *scan.Event) scan.Direction {
	out, in := strings.EqualFold(to, "untrust"), strings.EqualFold(from, "untrust")
	switch {
	case in && !out:
		return scan.DirectionIn
	case out && !in && from != "":
		return scan.DirectionOut
	}
	return parse.Direction(ev.SrcIP, ev.DstIP)
}

// finish takes back the ports of protocols that have none, and the type of those
// that have no type.
func finish(ev *scan.Event) {
	if ev.Proto == "icmp" && ev.SrcIP.Is6() {
		ev.Proto = "icmpv6"
	}
	switch ev.Proto {
	case "icmp", "icmpv6":
		ev.SrcPort, ev.DstPort = scan.Opt[uint16]{}, scan.Opt[uint16]{}
	case "tcp", "udp", "sctp", "":
		ev.ICMPType, ev.ICMPCode = scan.Opt[uint8]{}, scan.Opt[uint8]{}
	default:
		ev.SrcPort, ev.DstPort = scan.Opt[uint16]{}, scan.Opt[uint16]{}
		ev.ICMPType, ev.ICMPCode = scan.Opt[uint8]{}, scan.Opt[uint8]{}
	}
}
