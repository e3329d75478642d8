// Package zyxel reads the logs of ZyXEL's USG, ZyWALL, ATP and Prestige in the
// form that they send to a syslog server:
//
//	src="192.0.2.33:11031" dst="198.51.100.45:23" msg="Match default rule DROP" note="ACCESS BLOCK" user="" devID="0" cat="Security Policy Control" action="Drop"
//	src="192.0.2.33:11031" dst="198.51.100.45:23" msg="Firewall default policy: TCP (W to L)" note="ACCESS BLOCK" devID="0" cat="Firewall"
//
// The fields are those of the "Log Descriptions" appendix of ZyXEL's user's
// guides. Of the categories only those about packets are claimed.
package zyxel

import (
	"strings"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/ingest/internal/envelope"
	"github.com/whoknocks/whoknocks/services/ingest/internal/parse"
)

// Name is the format's name.
const Name = "zyxel"

// Parse reads one line; see parse.Func. It claims a line with src=, msg= and
// note= whose note or category is about packets.
func Parse(line *envelope.Line, ev *scan.Event) error {
	s := line.Payload
	start := strings.Index(s, `src="`)
	if start < 0 || start > 64 || !strings.Contains(s, `msg="`) {
		return parse.ErrNotMine
	}
	var f struct{ src, dst, msg, note, cat, action, proto, protoID string }
	noted := false
	for p := parse.KeyValues(s[start:]); p.Next(); {
		switch p.Key {
		case "src":
			f.src = p.Value
			if p.Cut {
				return parse.ErrCutSource
			}
		case "dst":
			if !p.Cut {
				f.dst = p.Value
			}
		case "msg":
			f.msg = p.Value
		case "note":
			f.note, noted = p.Value, true
		case "cat":
			f.cat = p.Value
		case "action":
			f.action = p.Value
		case "proto":
			f.proto = p.Value
		case "protoID":
			f.protoID = p.Value
		}
	}
	if !noted || !packets(f.note, f.cat) {
		return parse.ErrNotMine
	}
	*ev = scan.Event{Packets: 1, Label: f.msg, Verdict: verdict(f.action, f.note, f.cat)}
	host, port := parse.HostPort(f.src)
	var err error
	if ev.SrcIP, err = parse.Source(host); err != nil {
		return err
	}
	to, toPort := parse.HostPort(f.dst)
	ev.DstIP, _ = parse.Addr(to)
	if ev.Proto = parse.Proto(f.protoID); ev.Proto == "" {
		ev.Proto = parse.Proto(f.proto)
	}
	if ev.Proto == "" {
		ev.Proto = named(f.msg)
	}
	if ev.Proto != "icmp" && ev.Proto != "icmpv6" && (port != "0" || toPort != "0") { // 0 and 0 are none
		ev.SrcPort, ev.DstPort = parse.Port(port), parse.Port(toPort)
	}
	if _, rest, ok := strings.Cut(f.msg, "type:"); ok && ev.Proto == "icmp" {
		kind, rest, _ := strings.Cut(rest, ",")
		ev.ICMPType = parse.Byte(strings.TrimSpace(kind))
		if _, code, ok := strings.Cut(rest, "code:"); ok {
			code, _, _ = strings.Cut(code, ")")
			ev.ICMPCode = parse.Byte(strings.TrimSpace(code))
		}
	}
	ev.Direction = direction(f.msg, ev)
	return nil
}

// packets tells categories and notes about packets from those about the device.
func packets(note, cat string) bool {
	switch cat {
	case "Security Policy Control", "Traffic Log", "Firewall", "firewall", "Secure Policy", "ADP", "IDP", "IPS", "Attack", "attack", "Access Control", "access control":
		return true
	}
	return strings.HasPrefix(note, "ACCESS ") || strings.HasPrefix(note, "ATTACK")
}

func verdict(action, note, cat string) scan.Verdict {
	for _, s := range [...]string{action, note} {
		if v := parse.Verdict(s); v != scan.VerdictUnknown {
			return v
		}
		if s == "ACCESS FORWARD" || s == "forward" || s == "Forward" {
			return scan.VerdictAllow
		}
	}
	switch {
	case strings.HasPrefix(note, "ATTACK"):
		return scan.VerdictAlert
	case cat == "Traffic Log": // of a session that was let through
		return scan.VerdictAllow
	}
	return scan.VerdictUnknown
}

// named finds the protocol in "Firewall default policy: TCP (W to L)".
func named(msg string) string {
	i := strings.IndexByte(msg, ':')
	for _, word := range [...]string{" TCP", " UDP", " ICMP", " IGMP", " GRE", " ESP"} {
		if j := strings.Index(msg[i+1:], word); j >= 0 {
			if rest := msg[i+1+j+len(word):]; rest == "" || rest[0] == ' ' || rest[0] == ',' || rest[0] == '(' {
				return parse.Proto(word[1:])
			}
		}
	}
	return ""
}

// direction reads "(W to L)": WAN to LAN; otherwise the addresses tell.
func direction(msg string, ev *scan.Event) scan.Direction {
	switch {
	case strings.Contains(msg, "(W to "):
		return scan.DirectionIn
	case strings.Contains(msg, "(L to W"), strings.Contains(msg, "(D to W"):
		return scan.DirectionOut
	}
	return parse.Direction(ev.SrcIP, ev.DstIP)
}
