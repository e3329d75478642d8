// Package meraki reads the syslog of Cisco Meraki's security appliances (MX) and
// access points (MR): flows, firewall rules and intrusion alerts.
//
//	1684930151.118340277 MX84 flows src=192.0.2.7 dst=198.51.100.9 protocol=tcp sport=51234 dport=23 pattern: 1 all
//	1684930151.118340277 MX84 firewall src=192.168.1.5 dst=192.0.2.9 mac=00:11:22:33:44:55 protocol=udp sport=9773 dport=53 pattern: allow all
//	1684930151.118340277 MX84 flows deny src=192.0.2.7 dst=198.51.100.9 protocol=tcp sport=51234 dport=23
//	1684930151.118340277 MX84 security_event ids_alerted signature=1:28423:1 priority=1 direction=ingress protocol=tcp/ip src=192.0.2.7:80 dst=192.168.1.5:53023 message: EXPLOIT-KIT
//
// The specification is Meraki's "Syslog Event Types and Log Samples". The time
// and the device's name are the envelope's.
package meraki

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/clock"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "meraki"

// Parse reads one line; see parse.Func. It claims the beginning of a flow, what a
// firewall rule decided, and intrusion alerts. The end of a flow, addresses of web
// pages, scanned files, associations and VPN are nobody's.
func Parse(line *envelope.Line, ev *scan.Event) error {
	s := line.Payload
	for range 4 { // a relay may leave words before the kind
		kind, rest, ok := strings.Cut(s, " ")
		switch {
		case !ok:
			return parse.ErrNotMine
		case kind == "security_event":
			if rest, ok = strings.CutPrefix(rest, "ids_alerted "); ok {
				return alert(line, rest, false, ev)
			}
			return parse.ErrNotMine
		case kind == "ids-alerts" && strings.HasPrefix(rest, "signature="):
			return alert(line, rest, true, ev)
		case kind == "flows" || kind == "ip_flow_start" || strings.HasSuffix(kind, "firewall"):
			verdict := scan.VerdictUnknown
			if after, ok := strings.CutPrefix(rest, "allow "); ok {
				verdict, rest = scan.VerdictAllow, after
			} else if after, ok := strings.CutPrefix(rest, "deny "); ok {
				verdict, rest = scan.VerdictDrop, after
			}
			if strings.HasPrefix(rest, "src=") {
				return flow(kind, rest, verdict, ev)
			}
		}
		s = rest
	}
	return parse.ErrNotMine
}

// flow reads what a flow or a firewall line says behind its kind. The pattern is
// the rule that decided, with the decision before it: in older firmware 1 denies
// and 0 allows.
func flow(kind, s string, verdict scan.Verdict, ev *scan.Event) error {
	*ev = scan.Event{Packets: 1, Verdict: verdict, Label: kind}
	if kind == "ip_flow_start" {
		ev.Verdict = scan.VerdictAllow
	}
	s, pattern, ok := strings.Cut(s, " pattern: ")
	if ok {
		word, rule, _ := strings.Cut(pattern, " ")
		switch word {
		case "0", "allow":
			ev.Verdict = scan.VerdictAllow
		case "1", "deny":
			ev.Verdict = scan.VerdictDrop
		default: // Group Policy Allow
			if rule = pattern; strings.HasSuffix(pattern, " Allow") {
				ev.Verdict = scan.VerdictAllow
			} else if strings.HasSuffix(pattern, " Deny") {
				ev.Verdict = scan.VerdictDrop
			}
		}
		if rule != "" {
			ev.Label = rule
		}
	}
	cutOff := !ok
	var src string
	found := false
	for p := parse.KeyValues(s); p.Next(); {
		cut := p.Cut && cutOff
		switch p.Key {
		case "src":
			if cut {
				return parse.ErrCutSource
			}
			src, found = p.Value, true
		case "dst":
			if !cut {
				ev.DstIP, _ = parse.Addr(p.Value)
			}
		case "protocol":
			if !cut {
				ev.Proto = parse.Proto(p.Value)
			}
		case "sport":
			if !cut {
				ev.SrcPort = parse.Port(p.Value)
			}
		case "dport": // ends a line
			ev.DstPort = parse.Port(p.Value)
		case "type": // so does this
			ev.ICMPType = parse.Byte(p.Value)
		case "decision":
			switch p.Value {
			case "blocked":
				ev.Verdict = scan.VerdictDrop
			case "allowed":
				ev.Verdict = scan.VerdictAllow
			}
		}
	}
	if !found {
		return parse.ErrCutSource
	}
	var err error
	if ev.SrcIP, err = parse.Source(src); err != nil {
		return err
	}
	ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	icmp(ev)
	return nil
}

// alert reads an intrusion alert. The older kind ends with the source.
func alert(line *envelope.Line, s string, older bool, ev *scan.Event) error {
	*ev = scan.Event{Packets: 1, Verdict: scan.VerdictAlert}
	s, ev.Label, _ = strings.Cut(s, " message: ")
	cutOff := ev.Label == ""
	var src, way string
	found, whole := false, true
	for p := parse.KeyValues(s); p.Next(); {
		cut := p.Cut && cutOff
		switch p.Key {
		case "src":
			src, found, whole = p.Value, true, !cut
		case "dst":
			if !cut || older {
				host, port := parse.HostPort(p.Value)
				ev.DstIP, _ = parse.Addr(host)
				ev.DstPort = parse.Port(port)
			}
		case "protocol":
			proto, _, _ := strings.Cut(p.Value, "/")
			ev.Proto = parse.Proto(proto)
		case "direction":
			way = p.Value
		case "decision":
			if p.Value == "blocked" {
				ev.Verdict = scan.VerdictDrop
			}
		case "signature":
			if ev.Label == "" {
				ev.Label = p.Value
			}
		case "timestamp":
			if t, n := clock.Epoch(p.Value); n > 0 && line.Stamp.IsZero() {
				line.Own(t)
			}
		}
	}
	host, port := parse.HostPort(src)
	if !found || !whole && !older {
		return parse.ErrCutSource
	}
	var err error
	if ev.SrcIP, err = parse.Source(host); err != nil {
		return err
	}
	if whole || older {
		ev.SrcPort = parse.Port(port)
	}
	switch way {
	case "ingress":
		ev.Direction = scan.DirectionIn
	case "egress":
		ev.Direction = scan.DirectionOut
	default:
		ev.Direction = parse.Direction(ev.SrcIP, ev.DstIP)
	}
	icmp(ev)
	return nil
}

// icmp takes back what only some protocols have.
func icmp(ev *scan.Event) {
	if ev.Proto == "icmp" && ev.SrcIP.Is6() {
		ev.Proto = "icmpv6"
	}
	if strings.HasPrefix(ev.Proto, "icmp") {
		ev.SrcPort, ev.DstPort = scan.Opt[uint16]{}, scan.Opt[uint16]{}
	} else {
		ev.ICMPType = scan.Opt[uint8]{}
	}
}
